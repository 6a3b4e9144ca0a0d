"""The checks of a study's tables: what a student learns from, who it is, and what its score is made of."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ot_assets.graph.checks import Check, Table
from ot_assets.strategies.scores.overlap import normalised, overlaps

# Rows that are shown with a check.
_SHOWN = 20
_CHARACTERS = 80


def overlap_check(table: Table, benchmarks: pl.LazyFrame) -> Check:
    """Whether a question that the student will be asked is among the rows that it learns from."""
    found = overlaps(table.scan(), benchmarks)
    if not found:
        return Check("no_overlap", True, "no benchmark question is among the rows")
    first = found[0]
    told = f"{first.benchmark}: question {first.question_id} is row {first.row_id}: {first.question[:_CHARACTERS]!r}"
    more = f"; {len(found) - 1:,} more" if len(found) > 1 else ""
    rows = [overlap._asdict() | {"question": overlap.question[:_CHARACTERS]} for overlap in found[:_SHOWN]]
    return Check("no_overlap", False, f"{told}{more}; decontaminate against the study's benchmarks", shown=rows)


def apart_check(dev: pl.LazyFrame, held_out: pl.LazyFrame) -> Check:
    """Whether a question that may choose is held out as well, under another benchmark's name, as in a file's copy.

    It is one that has the same answer too: of choices many are asked in the same words.
    """
    known = {same: (source, id_) for source, id_, _, same in _asked(dev)}
    found = [
        {"dev": known[same][0], "held_out": source, "question_id": known[same][1], "question": question[:_CHARACTERS]}
        for source, _, question, same in _asked(held_out)
        if same in known
    ]
    if not found:
        return Check("held_out_apart", True, "no question of the dev benchmarks is held out")
    first = found[0]
    told = f"question {first['question_id']} of {first['dev']} chooses, and {first['held_out']} holds it out"
    more = f"; {len(found) - 1:,} more" if len(found) > 1 else ""
    message = f"{told}: {first['question']!r}{more}; leave it out of one of the two"
    return Check("held_out_apart", False, message, shown=found[:_SHOWN])


def _asked(benchmarks: pl.LazyFrame) -> Iterator[tuple[str, str, str, tuple[str, str]]]:
    """Source, id and question of each, and what tells two of them for the same."""
    columns = ("source", "question_id", "question", "reference")
    for source, id_, question, reference in benchmarks.select(columns).collect(engine="streaming").iter_rows():
        yield source, id_, question, (normalised(question), normalised(reference or ""))


def student_checks(table: Table) -> list[Check]:
    """Whether the students are ones whose scores say something of a language model, and all of them are there."""
    bases = table.scan().select(pl.col("base").unique()).collect(engine="streaming")["base"]
    embedded = any(base.startswith("embedded:") for base in bases)
    told = "the embedded student: its scores compare choices in miniature, and say nothing of a model of use"
    diverged = table.reasons.get("diverged", 0)
    trained = f"{table.rows:,} students" + (f", {diverged:,} diverged and are left out" if diverged else "")
    return [
        Check(
            "real_student",
            not embedded,
            told if embedded else f"trained from {bases[0]}" if len(bases) else "none",
            blocking=False,
        ),
        Check("all_trained", not diverged, trained, blocking=False),
    ]


def scores_checks(table: Table) -> list[Check]:
    """Whether every benchmark was verified. One that nothing verifies, as CodeElo's questions have no tests, leaves the
    mean of all variants alike; one that only some variants have leaves the others without a score."""
    halves = [
        half.group_by("benchmark").agg(pl.len().alias("rows"), *extra)
        for half, extra in (
            (table.scan(), []),
            (table.dropped(), [pl.col("drop_reason").mode().first().alias("why")]),
        )
    ]
    kept, dropped = (half.collect(engine="streaming") for half in halves)
    scored = set(kept["benchmark"])
    lost = [(name, why) for name, _, why in sorted(dropped.iter_rows()) if name not in scored]
    told = "; ".join(f"{name}: {why}" for name, why in lost)
    message = f"no score on {told}; the mean is over the others" if lost else f"{len(scored)} benchmarks scored"
    unchecked = table.reasons.get("not_checked", 0)
    share = unchecked / max(1, table.rows + unchecked)
    return [
        Check("benchmarks_scored", not lost, message, blocking=False),
        Check(
            "all_checked", not unchecked, f"{unchecked:,} answers could not be checked ({share:.1%})", blocking=False
        ),
    ]
