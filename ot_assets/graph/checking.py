"""The checks of one table: which are made, when they are made anew, and what a failed one comes to."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

from ot_assets.graph import audits, checks, frames, release, scoring
from ot_assets.graph.capabilities import lend, tokenizer
from ot_assets.graph.checks import Check
from ot_assets.graph.tools import Tools
from ot_assets.recipes.plan import Key, Node
from ot_assets.strategies.verify import grading
from ot_resources.digest import short_hash
from ot_resources.generators.usage import Usage
from ot_resources.store import Version


class StageFailed(Exception):
    """A blocking check did not pass. The message is one line; the last good version stays in place."""

    def __init__(self, message: str, results: list[Check]) -> None:
        super().__init__(message)
        self.checks = results


def refuse(node: Node, results: list[Check]) -> None:
    """Raise StageFailed for the first blocking check that did not pass."""
    failed = [result for result in results if result.blocking and not result.passed]
    if failed:
        raise StageFailed(f"{node.name}: {failed[0].name} failed: {failed[0].message}", results)


def checks_of(
    node: Node,
    version: Version,
    inputs: list[tuple[Key, Version]],
    params: dict[str, Any],
    tools: Tools,
    sets: release.Sets,
) -> list[Check]:
    """The checks that the version passed; made anew, and noted, when they would be made otherwise by now.

    What was published is compared anew in any case: it belongs to the recipe and the run, not to the version.
    """
    results = [Check(**result) for result in version.record["checks"] if result["name"] not in checks.PUBLISHED]
    by = checked_by(node, tools, sets)
    if version.record.get("checked_by") == by:
        results += _published(node, version, tools)
    else:
        # Whether all was answered is known only to the run that asked.
        asked = {result.name: result for result in results if result.name in checks.ASKING}
        anew = check(node, version, version.record["rows_in"], params, dict(inputs), tools, Usage(), sets)
        results = [asked.get(result.name, result) for result in anew]
        tools.store.note(version, {"checks": [asdict(result) for result in results], "checked_by": by})
    refuse(node, results)
    return results


def check(
    node: Node,
    table: checks.Table,
    rows_in: int,
    params: dict[str, Any],
    inputs: dict[Key, Version],
    tools: Tools,
    usage: Usage,
    sets: release.Sets,
) -> list[Check]:
    """All checks of a table, whether it is a draft yet or stands already."""
    results = checks.house_checks(node, table, rows_in, params) + _published(node, table, tools)
    if node.stage == "cell":
        results.append(checks.cell_check(node, table, params))
        results.append(scoring.overlap_check(table, frames.asked(node, inputs, "dev", "held_out")))
        results.append(scoring.apart_check(*(frames.asked(node, inputs, kind) for kind in ("dev", "held_out"))))
    if node.stage == "student":
        results = [_why_none(result, table) for result in results] + scoring.student_checks(table)
    if node.stage == "scores":
        results += scoring.scores_checks(table)
    if checks.asks(node):
        results.append(checks.asking_check(usage))
    if node.strategy.title in grading.MAKERS:
        with ExitStack() as stack:
            lent, _ = lend(node, tools, list(inputs.items()), stack)
            results += checks.grading_checks(node, table, params, lent)
    if checks.audit_names(node):
        with ExitStack() as stack:
            asks = "generator" in node.strategy.capabilities.values()
            lent = {} if asks else lend(node, tools, list(inputs.items()), stack)[0]
            results += audits.audit_checks(node, table, params, frames.tables(node, inputs), lent)
    if node.strategy.title == "dataset.release":
        given = {"tokenizer": tokenizer(tools.hub), "embedder": tools.embedder}
        results += release.release_checks(node, table, inputs, params, given, sets)
    return results


def _why_none(result: Check, table: checks.Table) -> Check:
    """The check, with what is to be done where every student diverged."""
    if result.name != "rows_present" or result.passed or not table.reasons.get("diverged"):
        return result
    evidence = table.dropped().select("drop_evidence").head(1).collect().item()
    return replace(result, message=f"no student: {json.loads(evidence)['error']}; lower `rate`")


def checked_by(node: Node, tools: Tools, sets: release.Sets) -> str:
    """What the outcomes of the checks hang on beside the version's identity, which holds all else."""
    told: dict[str, Any] = {"version": checks.VERSION, "names": sorted(set(checks.names(node)) - set(checks.PUBLISHED))}
    if node.strategy.title == "dataset.release":
        told |= {"tokenizer": tools.hub.tokenizer, **release.hangs_on(node, sets)}
    return short_hash(told)


def _published(node: Node, table: checks.Table, tools: Tools) -> list[Check]:
    if node.published is None:
        return []
    scale = node.scale(tools.environment, tools.scale)
    return [checks.published_check(node, table, scale, scale == 1 and tools.environment != "local")]
