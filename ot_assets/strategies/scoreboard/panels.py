"""The answers of all variants as arrays, a benchmark each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ot_assets.strategies.scoreboard.estimate import Panel
from ot_resources.interfaces import BadInput

# A variant with fewer of a benchmark's questions answered has no score there.
LEAST_ANSWERED = 0.5


@dataclass(frozen=True)
class Benchmark:
    """One benchmark with what it was asked, and of whom too little came back (variant -> why)."""

    name: str
    held_out: bool
    panel: Panel
    questions: int
    repeats: int
    missing: dict[str, str]


def read(scores: pl.DataFrame, variants: Sequence[str]) -> list[Benchmark]:
    """All benchmarks, by name. Columns in: variant and those of SCORE."""
    if strange := set(scores["variant"]) - set(variants):
        raise BadInput(f"scoreboard: scores of '{min(strange)}', which is no variant; there is: {', '.join(variants)}")
    seeds = sorted(set(scores["seed"]))
    return [
        _benchmark(str(name), part, variants, seeds)
        for (name,), part in sorted(scores.group_by("benchmark"), key=lambda item: str(item[0][0]))
    ]


def _benchmark(name: str, rows: pl.DataFrame, variants: Sequence[str], seeds: Sequence[int]) -> Benchmark:
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
    for variant, seed, right, n in (
        elsewhere.group_by("variant", "seed").agg(pl.col("right").mean(), pl.col("n").max()).iter_rows()
    ):
        whole[place["variant"][variant], place["seed"][seed]] = right
        asked[place["variant"][variant]] = n
    missing = _missing(name, shares, whole, variants)
    most = int(asked.max()) if len(elsewhere) else 0
    repeats = max(rows.group_by("variant", "seed", "question_id").len()["len"].to_list(), default=0)
    panel = Panel(name, shares, whole, asked)
    return Benchmark(name, bool(rows["held_out"][0]), panel, len(questions) or most, repeats, missing)


def _places(names: Sequence[object]) -> dict[object, int]:
    return {name: place for place, name in enumerate(names)}


def _missing(name: str, shares: object, whole: object, variants: Sequence[str]) -> dict[str, str]:
    """Why a variant has no score here. Of one with too few answers those that there are count for nothing."""
    import numpy as np

    assert isinstance(shares, np.ndarray)
    assert isinstance(whole, np.ndarray)
    missing: dict[str, str] = {}
    total = shares.shape[2]
    for place, variant in enumerate(variants):
        answered = int((~np.isnan(shares[place])).any(axis=0).sum())
        if answered and answered < LEAST_ANSWERED * total:
            shares[place] = np.nan
            missing[variant] = f"{name}: {answered:,} of {total:,} questions answered"
        elif not answered and np.isnan(whole[place]).all():
            missing[variant] = f"no scores on {name}"
    return missing
