"""The answers of all variants as arrays, a benchmark each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ot_assets.strategies.scoreboard.estimate import Panel
from ot_resources.interfaces import BadInput

if TYPE_CHECKING:
    import numpy as np

# A student with fewer of a benchmark's questions answered has no score there.
LEAST_ANSWERED = 0.5
# A standard error needs so many.
_LEAST_QUESTIONS = 2


@dataclass(frozen=True)
class Benchmark:
    """One benchmark with what it was asked: the panel holds those questions that all with a score here answered.

    `missing` tells why a variant has no score, `short` how many questions another answered or is compared on, where
    that is not all that were asked; `seeds` are the panel's.
    """

    name: str
    held_out: bool
    panel: Panel
    seeds: Sequence[int]
    repeats: int
    missing: dict[str, str]
    short: dict[str, str]

    def questions(self, variant: int) -> int:
        """Of how many questions a variant's score is."""
        return int(self.panel.asked[variant] or self.panel.shares.shape[2])


def read(scores: pl.DataFrame, variants: Sequence[str], asked: Mapping[str, int]) -> list[Benchmark]:
    """All benchmarks, by name. Columns in: variant and those of SCORE.

    `asked` tells how many questions of a benchmark were put to the students, those that nobody answered among them.
    """
    if strange := set(scores["variant"]) - set(variants):
        raise BadInput(f"scoreboard: scores of '{min(strange)}', which is no variant; there is: {', '.join(variants)}")
    seeds = sorted(set(scores["seed"]))
    return [
        _benchmark(str(name), part, variants, seeds, asked.get(str(name), 0))
        for (name,), part in sorted(scores.group_by("benchmark"), key=lambda item: str(item[0][0]))
    ]


def _benchmark(name: str, rows: pl.DataFrame, variants: Sequence[str], seeds: Sequence[int], put: int) -> Benchmark:
    import numpy as np

    if rows["held_out"].n_unique() != 1:
        raise BadInput(f"scoreboard: {name} is held out for some variants and not for others")
    here = rows.filter(pl.col("question_id").is_not_null())
    questions = sorted(set(here["question_id"]))
    if len(questions) == 1:
        raise BadInput(f"scoreboard: {name} has one question; a standard error needs two")
    place = {"variant": _places(variants), "seed": _places(seeds), "question_id": _places(questions)}
    shares = np.full((len(variants), len(seeds), len(questions)), np.nan)
    for variant, seed, question, right in (
        here.group_by("variant", "seed", "question_id").agg(pl.col("right").mean()).iter_rows()
    ):
        shares[place["variant"][variant], place["seed"][seed], place["question_id"][question]] = right
    whole = np.full(shares.shape[:2], np.nan)
    asked = np.zeros(len(variants))
    elsewhere = rows.filter(pl.col("question_id").is_null())
    for variant, seed, right in elsewhere.group_by("variant", "seed").agg(pl.col("right").mean()).iter_rows():
        whole[place["variant"][variant], place["seed"][seed]] = right
    # Of seeds and repeats that tell otherwise the fewest: that claims the least.
    for variant, fewest in elsewhere.group_by("variant").agg(pl.col("n").min()).iter_rows():
        asked[place["variant"][variant]] = fewest
    total = max(put, len(questions))
    missing = _missing(name, shares, whole, variants, total)
    shares, short = _common(name, shares, variants, missing, total)
    asked[~np.isnan(shares).all(axis=(1, 2))] = 0
    repeats = max(rows.group_by("variant", "seed", "question_id").len()["len"].to_list(), default=0)
    panel = Panel(name, shares, whole, asked)
    return Benchmark(name, bool(rows["held_out"][0]), panel, seeds, repeats, missing, short)


def _places(names: Sequence[object]) -> dict[object, int]:
    return {name: place for place, name in enumerate(names)}


def _missing(name: str, shares: np.ndarray, whole: np.ndarray, variants: Sequence[str], total: int) -> dict[str, str]:
    """Why a variant has no score here. Of a student with too few answers those that there are count for nothing."""
    import numpy as np

    missing: dict[str, str] = {}
    for place, variant in enumerate(variants):
        answered = (~np.isnan(shares[place])).sum(axis=1)
        shares[place][answered < LEAST_ANSWERED * total] = np.nan
        if not np.isnan(whole[place]).all() or not np.isnan(shares[place]).all():
            continue
        most = int(answered.max(initial=0))
        missing[variant] = f"{name}: {most:,} of {total:,} questions answered" if most else f"no scores on {name}"
    return missing


def _common(
    name: str, shares: np.ndarray, variants: Sequence[str], missing: dict[str, str], total: int
) -> tuple[np.ndarray, dict[str, str]]:
    """The shares of those questions that all with a score here answered, and what that leaves out, by variant.

    Where fewer than two are left, the one with the fewest answers has no score, the last of equals.
    """
    import numpy as np

    answered = (~np.isnan(shares)).any(axis=1)
    counts = answered.sum(axis=1)
    scored = [place for place in range(len(variants)) if counts[place]]
    while scored and (common := answered[scored].all(axis=0)).sum() < _LEAST_QUESTIONS:
        fewest = min(scored, key=lambda place: (counts[place], -place))
        missing[variants[fewest]] = (
            f"{name}: {counts[fewest]:,} of {total:,} questions answered, hardly one of them by the others"
        )
        shares[fewest] = np.nan
        scored.remove(fewest)
    if not scored:
        return shares, {}
    told = f"compared on {common.sum():,} of {total:,} questions"
    short = {
        variants[place]: told if counts[place] == total else f"answered {counts[place]:,}, {told}"
        for place in scored
        if common.sum() < total
    }
    return shares[:, :, common], {variant: f"{name}: {what}" for variant, what in short.items()}
