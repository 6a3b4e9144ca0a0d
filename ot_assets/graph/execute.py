"""Make one table: look it up, else run its strategy into a draft, check the draft, commit it, move the name.

Nothing here knows Dagster; `graph/assets.py` wraps it.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from ot_assets.contracts import VOLATILE
from ot_assets.graph import release
from ot_assets.graph.applying import Work, apply
from ot_assets.graph.asked import asked_upstream, spent
from ot_assets.graph.capabilities import identities, models
from ot_assets.graph.checking import StageFailed, check, checked_by, checks_of, refuse
from ot_assets.graph.checks import Check
from ot_assets.graph.outside import outside, write_source
from ot_assets.graph.tools import Tools
from ot_assets.lineage import record as lineage
from ot_assets.recipes.against import openthoughts3_sets
from ot_assets.recipes.plan import Key, Node, source_node
from ot_assets.strategies.scores.imported import content_hash, handed_in
from ot_resources.digest import short_hash
from ot_resources.files import RawTable, first_line, is_full
from ot_resources.generators.usage import Usage
from ot_resources.interfaces import BadInput
from ot_resources.store import Draft, Version


@dataclass(frozen=True)
class Made:
    """What executing a node came to."""

    node: Node
    version: Version
    inputs: list[tuple[Key, Version]]
    reused: bool
    seconds: float
    checks: list[Check]
    because: str
    scale: float
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class _Order:
    """A table to be made, with all that decides what will be in it."""

    node: Node
    tools: Tools
    inputs: list[tuple[Key, Version]]
    raw: RawTable | None
    params: dict[str, Any]
    # The parameters as lineage tells them.
    told: dict[str, Any]
    identity: dict[str, Any]


def execute(node: Node, tools: Tools) -> Made:
    """Make the node's table, or find that it is there already, and point its name at it."""
    made = _made(node, tools, tools.store.latest(node.key))
    _publish(made, tools)
    return made


def standing(node: Node, tools: Tools) -> Version | None:
    """The version that the node's name points at, if executing the node now would find it; None where it would not."""
    inputs = _inputs(node, tools)
    now = tools.store.made(tools.run_id, node.key)
    params = _params(node, tools, None, inputs)
    identity = lineage.identity(node, params | identities(node, tools), inputs, None)
    found = tools.store.lookup(node.kind, short_hash(identity))
    return found if found and now and found.version == now.version else None


def _publish(made: Made, tools: Tools) -> None:
    tools.store.point(made.node.key, made.version, tools.run_id)
    line = (made.node, made.version, made.inputs, tools.run_id, made.seconds, made.reused, made.usage.as_dict())
    tools.store.log(tools.run_id, lineage.run_line(*line))


def _made(node: Node, tools: Tools, before: Version | None) -> Made:
    """The node's table, checked, under no name yet; `before` is the version in use."""
    started = time.monotonic()
    inputs = _inputs(node, tools)
    raw = outside(node, tools.hub, before)
    params = _params(node, tools, raw, inputs)
    names = identities(node, tools)
    identity = lineage.identity(node, params | names, inputs, raw.revision if raw else None)
    order = _Order(node, tools, inputs, raw, params, _told(node, params | names), identity)
    found = tools.store.lookup(node.kind, short_hash(identity))
    sets = _openthoughts3(node, tools, inputs)
    usage = Usage()
    version = found or _run(order, sets, usage)
    results = checks_of(node, version, inputs, params, tools, sets)
    seconds = time.monotonic() - started
    because = lineage.because(node, order.told, inputs, version, before)
    scale = float(node.scale(tools.environment, tools.scale))
    return Made(node, version, inputs, bool(found), seconds, results, because, scale, usage)


def _openthoughts3(node: Node, tools: Tools, inputs: list[tuple[Key, Version]]) -> release.Sets:
    """What a dataset is looked at with once more. It is no input: a set that cannot be read is told, and left out."""
    if node.strategy.title != "dataset.release":
        return release.NO_SETS
    read, unread = dict[str, Version](), dict[str, str]()
    known = dict(inputs)
    for spec in openthoughts3_sets():
        version = known.get(spec.key) or tools.store.latest(spec.key)
        if spec.key not in known:
            try:
                made = _made(source_node(spec), tools, version)
                if version is None or version.version != made.version.version:
                    _publish(made, tools)
                version = made.version
            # Beneath a set that is gated, gone or broken the client raises whatever it likes.
            except Exception as error:
                if is_full(error):
                    raise
                ours, known_kind = isinstance(error, BadInput | StageFailed), isinstance(error, OSError)
                # Of anything else the type only: the client's words may hold the header that it sent.
                unread[spec.id] = str(error) if ours else first_line(error) if known_kind else type(error).__name__
        if version is not None:
            read[spec.id] = version
    return release.Sets(read, unread)


def _inputs(node: Node, tools: Tools) -> list[tuple[Key, Version]]:
    inputs = []
    for key in node.upstream:
        version = tools.store.made(tools.run_id, key)
        if version is None:
            way = f"the job {node.recipe.name} makes all that it hangs on" if node.recipe else "materialise it first"
            raise BadInput(f"{node.name} reads {'/'.join(key)}, which was never materialised; {way}")
        tools.store.touch(version)
        inputs.append((key, version))
    return inputs


def _params(node: Node, tools: Tools, raw: RawTable | None, inputs: list[tuple[Key, Version]]) -> dict[str, Any]:
    if node.source and raw:
        return node.source.params(raw.stand_in)
    params = node.scaled(tools.environment, tools.scale)
    if node.strategy.title == "scores.imported":
        return params | {"files": _handed_in(node, tools, inputs)}
    # What rows cost is not chosen, but read off the records of those who were asked.
    if node.strategy.title == "cell.money":
        return params | {"spent": spent(_paid_for(node, inputs)) or 0.0}
    return params


def _handed_in(node: Node, tools: Tools, inputs: list[tuple[Key, Version]]) -> dict[str, dict[str, str]]:
    """The files of scores of each student, with a hash of what is in them."""
    versions = dict(inputs)
    students = pl.concat([versions[key].scan().select("student") for key in node.inputs]).collect()["student"]
    asked = tools.students.students(tools.run_id, node.name)
    return {student: {name: content_hash(text) for name, text in handed_in(asked, student)} for student in students}


def _told(node: Node, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters as lineage tells them: with the models by name, and the tables that were compared with."""
    tables = {
        name: [key[-1] if key[0] == "benchmarks" else "/".join(key) for key in keys]
        for name, keys in node.tables.items()
        if node.track
    }
    return params | tables


def _run(order: _Order, sets: release.Sets, usage: Usage) -> Version:
    """The order's table, written, checked and committed; what was asked for it is added to `usage`."""
    node, tools, inputs = order.node, order.tools, order.inputs
    trail = lineage.trail(node, order.told, inputs)
    with tools.store.draft(node.kind, VOLATILE, {"asset": node.name, "trail": trail}) as draft:
        if order.raw is not None:
            write_source(node, tools.hub, order.raw, draft)
            work = Work()
        else:
            work = apply(node, tools, inputs, order.params, draft)
            usage.add(work.usage)
        draft.seal(order.identity)
        rows_in = draft.rows + draft.rows_dropped if order.raw else sum(dict(inputs)[key].rows for key in node.inputs)
        results = check(node, draft, rows_in, order.params, dict(inputs), tools, usage, sets)
        refuse(node, results)
        record = _record(order, draft, work) | {
            "rows_in": rows_in,
            "checks": [asdict(result) for result in results],
            "checked_by": checked_by(node, tools, sets),
            "trail": trail,
        }
        # What another try may mend is tried again: the next run finds no version of this key.
        return draft.commit(record, remember=not usage.partial)


def _record(order: _Order, draft: Draft, work: Work) -> dict[str, Any]:
    """What is told of a version for good, but for its checks: the choice, what came out, and who had a part in it."""
    node, inputs = order.node, order.inputs
    return {
        "choice": lineage.choice(node, order.told),
        "code_version": node.code_version,
        "inputs": [{"kind": version.kind, "version": version.version} for _, version in inputs],
        "rows_out": draft.rows,
        "rows_dropped": draft.rows_dropped,
        "dropped": dict(sorted(draft.reasons.items())),
        "sources": _sources(node, order.raw, inputs),
        "models": models(node, order.tools, order.params, inputs),
        "asked": asked_upstream(
            _paid_for(node, inputs), [{"key": short_hash(order.identity)} | own for own in work.asked]
        ),
        "packages": lineage.packages(),
        "sandboxes": work.sandboxes,
    }


def _paid_for(node: Node, inputs: list[tuple[Key, Version]]) -> list[tuple[Key, Version]]:
    """Where the rows come from: what they are only held against is no part of what they cost."""
    return [(key, version) for key, version in inputs if key in node.inputs]


def _sources(node: Node, raw: RawTable | None, inputs: list[tuple[Key, Version]]) -> list[dict[str, Any]]:
    if node.source is None or raw is None:
        return lineage.upstream("sources", inputs)
    spec = node.source
    return [
        {
            "id": spec.id,
            "kind": spec.kind,
            "url": spec.url,
            "revision": raw.revision,
            "licence": spec.licence,
            "stand_in": raw.stand_in,
        }
    ]
