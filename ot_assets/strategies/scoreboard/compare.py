"""All variants of a study side by side, and which of them wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from typing_extensions import TypedDict

from ot_assets.contracts import DOMAINS, SCOREBOARD
from ot_assets.strategies.registry import strategy
from ot_assets.strategies.scoreboard import panels
from ot_assets.strategies.scoreboard.estimate import Estimate, by_seed, estimate
from ot_assets.strategies.scoreboard.panels import Benchmark
from ot_assets.strategies.scoreboard.verdict import FAILED, TIE, WINNER, Without, chosen, standings, versus
from ot_resources.interfaces import BadInput

# The means over those benchmarks that may choose, and over those that may not.
DEV, HELD_OUT = "dev", "held_out"
_POINTS = 100
_PLACES = 9
# So many benchmarks that lack something are named.
_SHOWN = 3
_READ = ("variant", "seed", "benchmark", "held_out", "question_id", "right", "n")


class Cell(TypedDict, total=False):
    """What a variant's rows were and cost, with how many seeds it was to be trained, and what those were asked.

    `asked` are questions by benchmark, without those that nothing can verify. `verdict` and `reason` say why a variant
    has no scores.
    """

    rows: int | None
    tokens: int | None
    money: float | None
    verdict: Without | None
    reason: str | None
    seeds: int | None
    asked: dict[str, int]


@strategy(stage="scoreboard", version=3, needs=_READ)
def compare(
    scores: pl.LazyFrame,
    *,
    variants: list[str],
    baseline: str,
    standing: dict[str, Cell] = {},  # noqa: B006 - never changed
    standard_error: Literal["questions", "questions_and_seeds"] = "questions_and_seeds",
    domains: dict[str, str] = {},  # noqa: B006
    published: dict[str, dict[str, Any]] = {},  # noqa: B006
) -> pl.LazyFrame:
    """Score every variant with its standard error, and say which wins, by a rule that was fixed beforehand.

    A score is the mean over the dev benchmarks of the mean over questions, seeds and repeats, in points of 100, as in
    OpenThoughts3's ablation (arXiv 2506.04178, section 3.1), which gives standard errors of 0.3 to 0.6 and calls equal
    what lies within two of them. Standard errors are over questions (a paired bootstrap, stratified by benchmark) and,
    unless `standard_error` is `questions`, over seeds (`estimate.py`).

    All are compared on the same questions: of each benchmark those that every variant with a score there answered. A
    student that answered less than half of a benchmark (of what `standing` says was asked, else of what anybody
    answered) has no score there, and a variant without one of a dev benchmark is not compared. `questions` counts those
    compared, `seeds` those that have all dev benchmarks; what is lacking stands in `reason`, by the seeds that
    `standing` says or, without, that any variant has. Verdicts (`verdict.py`):

    - `loses`: below the best by more than 2 standard errors of the difference, and p < 0.05 after Holm's correction
      over all pairs of variants; the others `tie` with it; the best is the `winner` where all others lose.
    - `chosen`: of the winner or the tied the cheapest (money if it is known of all, else the tokens of the rows; within
      5% is equal), then the first in the order of `variants`.
    - `failed` or `not enough rows` where there are no scores to compare.

    Held-out benchmarks are shown, and enter neither verdict, choice nor p value. What was measured elsewhere, without a
    question's id, is compared unpaired.

    Columns in: variant, seed, benchmark, held_out, question_id, right, n. Out: one row a variant and benchmark, and
    `dev`, `held_out`, `dev_math` and so on for the means; the columns of a scoreboard. BadInput: scores of an unknown
    variant, a benchmark of one question.
    """
    if unknown := [name for name in (baseline, *standing) if name not in variants]:
        raise BadInput(f"scoreboard: '{unknown[0]}' is no variant; there is: {', '.join(variants)}")
    asked: dict[str, int] = {}
    for cell in standing.values():
        for name, questions in cell.get("asked", {}).items():
            asked[name] = max(questions, asked.get(name, 0))
    found = panels.read(scores.select(_READ).collect(engine="streaming"), variants, asked)
    board = _Board(variants, found, standing, published, standard_error == "questions_and_seeds")
    rows = board.dev(baseline)
    for name, members in _groups(found, domains).items():
        rows += board.mean(name, members)
    for benchmark in found:
        rows += board.mean(benchmark.name, [benchmark])
    # What lies beyond hangs on how a machine adds up.
    return pl.LazyFrame(rows, schema=SCOREBOARD).with_columns(pl.col(pl.Float64).round(_PLACES))


def _groups(found: Sequence[Benchmark], domains: dict[str, str]) -> dict[str, list[Benchmark]]:
    """The means that are shown beside `dev`: of its benchmarks by domain, where there are several, and the held-out."""
    groups: dict[str, list[Benchmark]] = {}
    for benchmark in found:
        domain = domains.get(benchmark.name)
        if domain and not benchmark.held_out:
            groups.setdefault(f"{DEV}_{domain}", []).append(benchmark)
    groups = dict(sorted(groups.items())) if len(groups) > 1 else {}
    held_out = [benchmark for benchmark in found if benchmark.held_out]
    return groups | ({HELD_OUT: held_out} if held_out else {})


@dataclass(frozen=True)
class _Board:
    variants: Sequence[str]
    benchmarks: Sequence[Benchmark]
    cells: dict[str, Cell]
    published: dict[str, dict[str, Any]]
    seeds_too: bool

    def mean(self, name: str, members: Sequence[Benchmark]) -> list[dict[str, Any]]:
        """One row a variant that was asked all of the `members`, or whose score there was published."""
        found = self._estimate(members)
        rows = []
        for place, variant in enumerate(self.variants):
            theirs = self._as_published(variant, name)
            if not math.isnan(found.scores[place]):
                rows.append(self._row(variant, name, members, found, place))
            elif theirs["published"] is not None:
                rows.append({"variant": variant, "benchmark": name, "held_out": members[0].held_out} | theirs)
        return rows

    def dev(self, baseline: str) -> list[dict[str, Any]]:
        """One row a variant, with its verdict."""
        members = [benchmark for benchmark in self.benchmarks if not benchmark.held_out]
        if not members:
            return [self._without(variant, DEV, members) for variant in self.variants]
        found = self._estimate(members)
        scored = [place for place in range(len(self.variants)) if not math.isnan(found.scores[place])]
        compared = standings(found, scored) if scored else {}
        rows = []
        for place, variant in enumerate(self.variants):
            if place not in compared:
                rows.append(self._without(variant, DEV, members))
                continue
            row = self._row(variant, DEV, members, found, place)
            against = compared[place]
            row |= {
                "verdict": against.verdict,
                "chosen": False,
                "p_value": against.p_value,
                "reason": self._said(found, place, len(scored), members),
            }
            if len(scored) > 1:
                row |= {"vs_best": _POINTS * against.by, "vs_best_se": _POINTS * against.error}
            start = self.variants.index(baseline)
            if start in compared and place != start:
                by, error, _ = found.difference(place, start)
                word = versus(by, error)
                row |= {"vs_baseline": _POINTS * by, "vs_baseline_se": _POINTS * error, "vs_baseline_verdict": word}
            rows.append(row | self._cost(variant))
        if len(scored) > 1:
            tied = [place for place in scored if compared[place].verdict in (WINNER, TIE)]
            money, tokens = ([self.cells.get(v, {}).get(cost) for v in self.variants] for cost in ("money", "tokens"))
            rows[chosen(tied, money, tokens)]["chosen"] = True  # type: ignore[arg-type]
        return rows

    def _estimate(self, members: Sequence[Benchmark]) -> Estimate:
        return estimate([member.panel for member in members], self.seeds_too)

    def _row(
        self, variant: str, name: str, members: Sequence[Benchmark], found: Estimate, place: int
    ) -> dict[str, Any]:
        repeats = {member.repeats for member in members}
        return {
            "variant": variant,
            "benchmark": name,
            "held_out": members[0].held_out,
            "score": _POINTS * float(found.scores[place]),
            "se": _POINTS * found.error(place),
            "seeds": int(found.seeds[place]),
            "questions": sum(member.questions(place) for member in members),
            # Where benchmarks were asked differently often there is no one number.
            "repeats": repeats.pop() if len(repeats) == 1 else None,
        } | self._as_published(variant, name)

    def _as_published(self, variant: str, name: str) -> dict[str, Any]:
        told = self.published.get(variant, {})
        domain = name.removeprefix(f"{DEV}_")
        ours = "average" if name == DEV else domain if domain in DOMAINS and domain != name else name
        figure = None if ours in DOMAINS and ours == name else told.get(ours)
        return {"published": figure, "published_se": told.get("se") if name == DEV else None}

    def _without(self, variant: str, name: str, members: Sequence[Benchmark]) -> dict[str, Any]:
        cell = self.cells.get(variant, {})
        missing = next((member.missing[variant] for member in members if variant in member.missing), None)
        missing = missing or self._apart(variant, members)
        held_out_only = not members and any(variant not in b.missing for b in self.benchmarks)
        reason = "held-out benchmarks choose nothing" if held_out_only else missing
        return (
            {
                "variant": variant,
                "benchmark": name,
                "held_out": False,
                "verdict": cell.get("verdict") or (None if held_out_only else FAILED),
                "chosen": False,
                "reason": cell.get("reason") or reason,
            }
            | self._as_published(variant, name)
            | self._cost(variant)
        )

    def _cost(self, variant: str) -> dict[str, Any]:
        cell = self.cells.get(variant, {})
        return {name: cell.get(name) for name in ("rows", "tokens", "money")}

    def _apart(self, variant: str, members: Sequence[Benchmark]) -> str:
        """Which seed lacks which benchmark, of a variant that has all benchmarks, but no seed that has."""
        import numpy as np

        there = {m.name: ~np.isnan(by_seed(m.panel)[self.variants.index(variant)]) for m in members}
        lacking = [
            f"seed {seed} lacks {', '.join(name for name, has in there.items() if not has[place])}"
            for place, seed in enumerate(members[0].seeds if members else ())
            if any(has[place] for has in there.values())
        ]
        return _listed(lacking) or "no scores"

    def _said(self, found: Estimate, place: int, scored: int, members: Sequence[Benchmark]) -> str | None:
        """What a reader has to know who takes the numbers for what they are."""
        variant, said = self.variants[place], []
        if scored == 1:
            said.append("no other variant has scores to compare with")
        seeds = int(found.seeds[place])
        asked = self.cells.get(variant, {}).get("seeds") or int(found.seeds.max())
        if seeds < asked:
            said.append(f"scores of {seeds} of {asked} seeds")
        if short := _listed([member.short[variant] for member in members if variant in member.short]):
            said.append(short)
        if scored > 1 and self.seeds_too and not found.between_df:
            said.append("one seed: the standard error is over questions only")
        return "; ".join(said) or None


def _listed(said: Sequence[str]) -> str:
    """The first of many, and how many more."""
    more = f"; {len(said) - _SHOWN:,} more" if len(said) > _SHOWN else ""
    return "; ".join(said[:_SHOWN]) + more
