"""The checks that every table passes before its name moves: rows, ids, columns, counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from ot_assets.recipes.plan import Node
from ot_resources.store import Draft, Version

Table = Draft | Version


@dataclass(frozen=True)
class Check:
    """One check's outcome. A blocking one that fails keeps the last good version in place."""

    name: str
    passed: bool
    message: str
    blocking: bool = True


HOUSE = {
    "rows_present": "The stage kept at least one row.",
    "ids_unique": "No id occurs twice.",
    "contract": "The columns of the stage's contract are there, with their types.",
    "counts_add_up": "Every row that came in was kept or dropped with a reason.",
}

RELEASE = {
    "quota_met": "Each domain has exactly the rows that the recipe asks for.",
    "no_benchmark_overlap": "No released question matches a benchmark by the recipe's own rules.",
    "tags_closed": "Every reasoning block that is opened is closed, once.",
    "real_teacher": "The answers come from a teacher that is worth learning from (warns for the embedded one).",
}


def names(node: Node) -> list[str]:
    """The checks that the node's table has to pass."""
    return [*HOUSE, *(RELEASE if node.strategy.title == "dataset.release" else {})]


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
        Check("rows_present", table.rows > 0, f"{table.rows:,} rows" + (f"; dropped: {reasons}" if reasons else "")),
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


def _counts(node: Node, table: Table, rows_in: int, params: dict[str, Any]) -> Check:
    kept, dropped = table.rows, table.rows_dropped
    samples = params.get("samples", 1)
    if node.counts == "fan_out":
        message = f"{rows_in:,} x {samples} = {kept:,} answered + {dropped:,} failed"
        return Check("counts_add_up", rows_in * samples == kept + dropped, message)
    if node.counts == "filter":
        message = f"{rows_in:,} in = {kept:,} kept + {dropped:,} dropped"
        return Check("counts_add_up", rows_in == kept + dropped, message)
    return Check("counts_add_up", True, f"{kept:,} kept, {dropped:,} dropped; this stage may repeat rows")
