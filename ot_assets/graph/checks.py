"""The checks that every table passes before its name moves: rows, ids, columns, counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import polars as pl

from ot_assets.recipes.plan import Node
from ot_assets.strategies import planting, spot_checks
from ot_assets.strategies.answers.rounds import Rule
from ot_assets.strategies.verify import grading
from ot_resources.generators.usage import Usage
from ot_resources.store import Draft, Version

Table = Draft | Version

# Raised by hand when a check tells something else of the same rows, so that tables that are there are checked anew.
VERSION = 2


@dataclass(frozen=True)
class Check:
    """One check's outcome. A blocking one that fails keeps the last good version in place."""

    name: str
    passed: bool
    message: str
    blocking: bool = True
    # Rows that are shown with it, all of the same columns.
    shown: list[dict[str, Any]] = field(default_factory=list)


HOUSE = {
    "rows_present": "The stage kept at least one row.",
    "ids_unique": "No id occurs twice.",
    "contract": "The columns of the stage's contract are there, with their types.",
    "counts_add_up": "Every row that came in was kept or dropped with a reason.",
}

PUBLISHED = {
    "published_rows": "As many rows as the release had here; compared at full size on the real sources only.",
}

ASKING = {
    "all_answered": "Every request was answered; what failed for a while, or was not asked, the next run asks.",
}

GRADING = {
    "grader_graded": "Answers made of what the questions expect are right, and corrupted ones are not.",
    "verdicts_decided": "Not too many answers are unparsed, too slow to check, or met a broken test.",
}

CELL = {
    "cell_filled": "There are as many rows, tokens or money as the study gives each variant; else nothing is trained.",
    "no_overlap": "No question that the students will be asked is among the rows that they learn from.",
    "held_out_apart": "No question chooses, by one benchmark, and is held out, by another.",
}

STUDENT = {
    "real_student": "The students are ones whose scores say something of a model of use (warns for the embedded one).",
    "all_trained": "No training diverged; a seed whose did is left out.",
}

SCORES = {
    "benchmarks_scored": "Every benchmark has scores; one whose answers nothing verifies is told, and leaves the mean.",
    "all_checked": "Every answer could be checked; what could not does not count.",
}

AUDITS = {
    "removals_seen": "Removals beside their twins, those with another text first; how many differ, and how.",
    "no_source_wiped": "No source of twenty rows or more loses all of them, none of a hundred nearly all.",
    "largest_cluster": "How many rows hang together and leave one; more than a hundredth of all is told.",
    "number_twins": "No removal has other numbers, operators or units than its twin.",
    "boilerplate": "No single run of tokens takes many questions.",
    "rule_kept": "Some rows that went reach the threshold with their twins, and some that stayed with nothing.",
    "planted_found": "Copies with known edits are found where the rule promises it; questions that it leaves, stay.",
}

RELEASE = {
    "quota_met": "Each domain has exactly the rows that the recipe asks for.",
    "no_benchmark_overlap": "No released question matches a benchmark by the recipe's own free rules.",
    "openthoughts3_rule": "No released question matches the twelve benchmarks of OpenThoughts3 by its rule (warns).",
    "tags_closed": "Every reasoning block that is opened is closed, once.",
    "real_teacher": "The answers come from a teacher that is worth learning from (warns for the embedded one).",
}

# What each check is about, by its name.
TOLD = HOUSE | PUBLISHED | ASKING | GRADING | CELL | STUDENT | SCORES | AUDITS | RELEASE

# These only warn.
WARNING = frozenset(
    {
        "all_answered",
        "openthoughts3_rule",
        "real_teacher",
        "real_student",
        "all_trained",
        "all_checked",
        "benchmarks_scored",
    }
    | {"removals_seen", "largest_cluster", "number_twins", "boilerplate"}
)


def audit_names(node: Node) -> list[str]:
    """The audits of a table whose rows have twins: a dedup, or a decontamination, that does something."""
    if node.stage not in ("dedup", "decontaminate") or node.strategy.name == "none":
        return []
    fitting = {
        # Another try would ask the model again.
        "planted_found": node.strategy.title in planting.PROMISES,
        "rule_kept": node.strategy.title in spot_checks.RULES,
        "number_twins": node.stage == "dedup",
        "boilerplate": "tokenizer" in node.strategy.capabilities.values(),
    }
    return [name for name in AUDITS if fitting.get(name, True)]


def asks(node: Node) -> bool:
    """Whether a model is asked here: a teacher, a judge, or students."""
    return "generator" in node.strategy.capabilities.values() or node.strategy.title == "scores.evaluate"


def names(node: Node) -> list[str]:
    """The checks that the node's table has to pass."""
    published = PUBLISHED if node.published is not None else {}
    asking = ASKING if asks(node) else {}
    graded = GRADING if node.strategy.title in grading.MAKERS else {}
    return [
        *HOUSE,
        *published,
        *asking,
        *graded,
        *(CELL if node.stage == "cell" else {}),
        *(STUDENT if node.stage == "student" else {}),
        *(SCORES if node.stage == "scores" else {}),
        *audit_names(node),
        *(RELEASE if node.strategy.title == "dataset.release" else {}),
    ]


def house_checks(node: Node, table: Table, rows_in: int, params: dict[str, Any]) -> list[Check]:
    """The four checks of every stage, on a sealed draft or a version."""
    schema = table.scan().collect_schema()
    wrong = [
        f"{name} is {schema[name]}, not {dtype}" if name in schema else f"{name} is missing"
        for name, dtype in node.contract.items()
        if schema.get(name) != dtype
    ]
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in table.reasons.most_common(3))
    checks = [
        Check(
            "rows_present",
            table.rows > 0,
            f"{table.rows:,} rows" + (f"; dropped: {reasons}" if reasons else "") + _short(node, table, params),
        ),
        Check("contract", not wrong, "; ".join(wrong) or f"{len(node.contract)} columns as agreed"),
        _counts(node, table, rows_in, params),
    ]
    checks.insert(1, _unique(node, table, [name for name in node.row_key if name not in schema]))
    return checks


def _unique(node: Node, table: Table, missing: list[str]) -> Check:
    key = list(node.row_key)
    if missing:
        return Check("ids_unique", False, f"cannot be told: {', '.join(missing)} is missing")
    twice = table.scan().select(key).group_by(key).len().filter(pl.col("len") > 1).head(1).collect(engine="streaming")
    if twice.height:
        row = twice.row(0)
        return Check("ids_unique", False, f"{'-'.join(map(str, row[:-1]))} occurs {row[-1]} times")
    return Check("ids_unique", True, f"{table.rows:,} different {'-'.join(key)}")


def _short(node: Node, table: Table, params: dict[str, Any]) -> str:
    """What is told where there are fewer rows than were asked for: all of them were taken."""
    asked = {name: rows for name, rows in params.items() if name in node.strategy.scaled and rows is not None}
    told = []
    for rows in asked.values():
        if isinstance(rows, dict):
            got = _rows_by_source(table) if node.stage in ("mix", "filter") else {}
            wanted = {name: n for name, n in rows.items() if n is not None and got}
            told += [f"{name} has {got.get(name, 0):,} of {n:,}" for name, n in wanted.items() if got.get(name, 0) < n]
        elif not params.get("per_source") and table.rows < rows:
            told.append(f"{table.rows:,} of {rows:,}")
    return f"; fewer than asked for, all are taken: {', '.join(told)}" if told else ""


def asking_check(usage: Usage) -> Check:
    """Whether the model answered all; a table that lacks some is partial, and made again by the next run."""
    if not usage.requested:
        return Check("all_answered", True, "nothing was asked this time", blocking=False)
    told = [f"{usage.requested - usage.failed - usage.pending:,} of {usage.requested:,} requests answered"]
    told += [f"{count:,} failed: {reason}" for reason, count in usage.reasons.most_common(3)]
    told += [f"{usage.pending:,} not asked, the budget is spent: this table is partial"] if usage.pending else []
    return Check("all_answered", not (usage.failed or usage.pending), "; ".join(told), blocking=False)


def cell_check(node: Node, table: Table, params: dict[str, Any]) -> Check:
    """Whether a variant's rows fill the budget that all variants of its study share."""
    n = params.get("n")
    if n is None:
        return Check("cell_filled", True, f"all {table.rows:,} rows: this study gives no budget")
    if node.strategy.name == "money":
        got, unit = params["spent"], "of money"
    elif node.strategy.name == "tokens":
        halves = [rows.select(pl.col("completion_tokens").sum()) for rows in (table.scan(), table.dropped())]
        got, unit = sum(half.collect(engine="streaming").item() or 0 for half in halves), "tokens"
    else:
        got, unit = table.rows, "rows"
    told = f"{got:,} of {n:,} {unit}" if got < n else f"{n:,} {unit}, as every variant has"
    return Check("cell_filled", got >= n, told + ("; too few to be compared: no student is trained" * (got < n)))


def grading_checks(node: Node, table: Table, params: dict[str, Any], capabilities: dict[str, Any]) -> list[Check]:
    """What the grader makes of answers whose verdict is known, and how many of the table's it did not decide."""

    def verify(frame: pl.LazyFrame) -> Any:
        return node.strategy.function(frame, **params, **capabilities)

    graded = grading.grade(grading.specimens(node.strategy.title, table.scan(), params), verify)
    counts = table.scan().group_by("verdict").len().collect(engine="streaming")
    return [Check("grader_graded", *graded), Check("verdicts_decided", *grading.decided(dict(counts.iter_rows())))]


def published_check(node: Node, table: Table, scale: Fraction, compared: bool) -> Check:
    """Published rows, what that is at this scale, and what there is; by source where it was published so.

    Blocking where it is `compared`: on the real sources at full size.
    """
    assert node.published is not None
    bands = node.published if isinstance(node.published, dict) else {"": node.published}
    got = _rows_by_source(table) if isinstance(node.published, dict) else {"": table.rows}
    told, wrong = [], False
    for name, band in bands.items():
        low, high = band if isinstance(band, tuple) else (band, band)
        rows = got.get(name, 0)
        wrong = wrong or not low <= rows <= high
        figures = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        # Only what this stage counts itself is scaled for sure: a source that is read whole, or a duplicate, is not.
        scaled = any(node.params.get(name) is not None for name in node.strategy.scaled)
        here = f", at this scale {round((low + high) / 2 * scale):,}" if scaled else f", at scale {float(scale):g}"
        expected = "" if scale == 1 else here
        told.append(f"{name + ': ' if name else ''}published {figures}{expected}, got {rows:,}")
    message = "; ".join(told)
    if compared:
        return Check("published_rows", not wrong, message)
    return Check("published_rows", True, f"{message} (told, not compared: this is not the published size)", False)


def _rows_by_source(table: Table) -> dict[str, int]:
    return dict(table.scan().group_by("source").len().collect(engine="streaming").iter_rows())


def _counts(node: Node, table: Table, rows_in: int, params: dict[str, Any]) -> Check:
    kept, dropped = table.rows, table.rows_dropped
    samples = params.get("samples", 1)
    if node.strategy.title == "answers.imported":
        questions = _questions(table)
        message = f"{rows_in:,} questions, of {questions:,} of them {kept:,} answers were kept and {dropped:,} dropped"
        return Check("counts_add_up", rows_in == questions, message)
    if node.strategy.title == "answers.until_accepted":
        return _asked_on(table, rows_in, params)
    if node.strategy.title == "sample.upsample":
        wanted = max(rows_in, params["n"]) if rows_in else 0
        message = f"{rows_in:,} in, repeated to {wanted:,} = {kept:,} kept + {dropped:,} dropped"
        return Check("counts_add_up", kept + dropped == wanted, message)
    if node.counts == "fan_out":
        message = f"{rows_in:,} x {samples} = {kept:,} answered + {dropped:,} failed"
        return Check("counts_add_up", rows_in * samples == kept + dropped, message)
    if node.counts == "filter":
        message = f"{rows_in:,} in = {kept:,} kept + {dropped:,} dropped"
        return Check("counts_add_up", rows_in == kept + dropped, message)
    return Check("counts_add_up", True, f"{kept:,} kept, {dropped:,} dropped; this stage may repeat rows")


def _asked_on(table: Table, rows_in: int, params: dict[str, Any]) -> Check:
    """Every question that can be verified has its first answers, and none has more than the most."""
    rule = Rule.of("params", *(params[name] for name in ("accepted", "most", "first", "give_up")))
    unverifiable = table.reasons["not_verifiable"]
    asked, answers = rows_in - unverifiable, table.rows + table.rows_dropped - unverifiable
    message = (
        f"{rows_in:,} questions = {asked:,} asked {rule.first} to {rule.most} times + {unverifiable:,} that nobody can"
        f" verify; {answers:,} = {table.rows:,} answered + {answers - table.rows:,} failed or pending"
    )
    fits = asked * rule.first <= answers <= asked * rule.most
    return Check("counts_add_up", fits and rows_in == _questions(table), message)


def _questions(table: Table) -> int:
    """How many different questions there are, dropped rows included."""
    both = [rows.select("question_id") for rows in (table.scan(), table.dropped())]
    return pl.concat(both).select(pl.col("question_id").n_unique()).collect(engine="streaming").item()
