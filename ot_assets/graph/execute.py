"""Make one table: look it up, else run its strategy into a draft, check the draft, commit it, move the name.

Nothing here knows Dagster; `graph/assets.py` wraps it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import polars as pl

from ot_assets.contracts import DOMAINS, SCORE, VOLATILE
from ot_assets.graph import audits, checks, release, scoring, verdicts
from ot_assets.graph.asked import asked_upstream, spent
from ot_assets.graph.checks import Check
from ot_assets.graph.watching import watched
from ot_assets.lineage import record as lineage
from ot_assets.recipes.against import openthoughts3_sets
from ot_assets.recipes.plan import Key, Node, source_node
from ot_assets.similarity.words import Words
from ot_assets.strategies import running
from ot_assets.strategies.registry import Split
from ot_assets.strategies.sources.mapped import check_keys, to_questions
from ot_assets.strategies.verify import grading
from ot_resources import readers
from ot_resources.digest import short_hash
from ot_resources.files import RawTable, fingerprint, first_line, is_full, trouble
from ot_resources.generators.budget import UNLIMITED, Budget
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.generators.resource import LanguageModel
from ot_resources.generators.usage import Usage
from ot_resources.hub import Hub
from ot_resources.interfaces import BadInput, Tokenizer
from ot_resources.store import Draft, Store, Version
from ot_resources.verdicts import Verdicts

# As many as the answers or the questions call for.
_REQUESTS_UNKNOWN = ("answers.until_accepted", "dedup.semantic_judge", "decontaminate.semantic")


@dataclass(frozen=True)
class Tools:
    """The outside world as one run sees it."""

    store: Store
    hub: Hub
    models: dict[str, LanguageModel]
    sandbox: Any
    embedder: Any
    environment: str
    scale: float | None
    run_id: str
    budget: Budget = UNLIMITED
    students: Any = None
    teachers: Any = None

    def model(self, node: Node, role: str) -> LanguageModel:
        """Who answers: the environment's own, or whom a study's variant names. BadInput: nobody goes by that name."""
        if node.teacher is None:
            return self.models[role]
        found: LanguageModel = self.teachers.get(node.teacher, node.where)
        return found


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


class StageFailed(Exception):
    """A blocking check did not pass. The message is one line; the last good version stays in place."""

    def __init__(self, message: str, results: list[Check]) -> None:
        super().__init__(message)
        self.checks = results


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
    identity = lineage.identity(node, params | _capability_names(node, tools), inputs, None)
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
    told = _told(node, params, tools)
    identity = lineage.identity(node, params | _capability_names(node, tools), inputs, raw.revision if raw else None)
    found = tools.store.lookup(node.kind, short_hash(identity))
    usage = Usage()
    sets = _openthoughts3(node, tools, inputs)
    version = found or _run(node, tools, inputs, params, told, raw, identity, usage, sets)
    results = _checks_of(node, version, inputs, params, tools, sets)
    seconds = time.monotonic() - started
    because = lineage.because(node, told, inputs, version, before)
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
    return params | {"spent": spent(inputs) or 0.0} if node.strategy.title == "cell.money" else params


def _handed_in(node: Node, tools: Tools, inputs: list[tuple[Key, Version]]) -> dict[str, list[str]]:
    """The files of scores of each student; their names are hashes of what is in them."""
    versions = dict(inputs)
    students = pl.concat([versions[key].scan().select("student") for key in node.inputs]).collect()["student"]
    asked = tools.students.students(tools.run_id, node.name)
    return {student: [name for name, _ in asked.scores(student)] for student in students}


def outside(node: Node, hub: Hub, before: Version | None) -> RawTable | None:
    """What a source node reads, with its revision; the Hub's tables are not fetched. None for other nodes.

    BadInput: it cannot be read now. `before` is the version in use, which then stays in use.
    """
    spec = node.source
    if spec is None:
        return None
    try:
        if spec.path:
            paths = spec.files()
            return RawTable(paths, fingerprint(paths))
        revision = hub.revision(spec.dataset, spec.split, spec.repository_files, spec.revision)
        return RawTable((), revision, stand_in=bool(hub.samples))
    except (BadInput, OSError) as error:
        said = str(error) if isinstance(error, BadInput) else f"{spec.where}: {first_line(error)}"
        stays = f"; the last good version of {node.name} stays in use" if before else ""
        raise BadInput(said + stays) from None


def _told(node: Node, params: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """The parameters as lineage tells them: with the models by name, and the tables that were compared with."""
    tables = {
        name: [key[-1] if key[0] == "benchmarks" else "/".join(key) for key in keys]
        for name, keys in node.tables.items()
        if node.track
    }
    return params | _capability_names(node, tools) | tables


def _run(
    node: Node,
    tools: Tools,
    inputs: list[tuple[Key, Version]],
    params: dict[str, Any],
    told: dict[str, Any],
    raw: RawTable | None,
    identity: dict[str, Any],
    usage: Usage,
    sets: release.Sets,
) -> Version:
    versions = dict(inputs)
    steps = lineage.trail(node, told, inputs)
    footer = {"asset": node.name, "trail": steps}
    sandboxes: list[Any] = []
    asked: list[dict[str, Any]] = []
    with tools.store.draft(node.kind, VOLATILE, footer) as draft, ExitStack() as stack:
        if raw is not None:
            _write_source(node, tools.hub, raw, draft)
            rows_in = None
        else:
            frame = _frame(node, versions)
            rows_in = sum(versions[key].rows for key in node.inputs)
            tables = _tables(node, versions)
            capabilities, generators = _capabilities(node, tools, inputs, stack)
            kinds = node.strategy.capabilities
            sandboxes = [capabilities[name] for name, kind in kinds.items() if kind == "sandbox"]
            for generator in generators:
                generator.expected = _expected(node, rows_in, params)
            run = partial(node.strategy.function, **params, **tables, **capabilities)
            if node.strategy.title in verdicts.KINDS:
                stored = stack.enter_context(Verdicts(tools.store.path / "verdicts.sqlite"))
                result = verdicts.judged_once(node, params, frame, run, stored)
            else:
                result = run(frame)
            if isinstance(result, Generator):  # whatever happens, it stops asking
                stack.callback(result.close)
            if node.stage == "verify" and not isinstance(result, pl.LazyFrame | Split):
                result = watched(node.name, rows_in, result)
            _write(result, draft)
            for generator in generators:
                usage.add(generator.usage)
            asked = _asked(node, tools, generators, capabilities, usage)
        draft.seal(identity)
        rows_in = draft.rows + draft.rows_dropped if rows_in is None else rows_in
        results = _check(node, draft, rows_in, params, versions, tools, usage, sets)
        _refuse(node, results)
        return draft.commit(
            {
                "choice": lineage.choice(node, told),
                "code_version": node.code_version,
                "inputs": [{"kind": version.kind, "version": version.version} for _, version in inputs],
                "trail": steps,
                "rows_in": rows_in,
                "rows_out": draft.rows,
                "rows_dropped": draft.rows_dropped,
                "dropped": dict(sorted(draft.reasons.items())),
                "sources": _sources(node, raw, inputs),
                "models": _models(node, tools, params, inputs),
                "asked": asked_upstream(inputs, [{"key": short_hash(identity)} | own for own in asked]),
                "checks": [asdict(result) for result in results],
                "checked_by": _checked_by(node, tools, sets),
                "packages": lineage.packages(),
                "sandboxes": [f"{sandbox.name}: {sandbox.confinement}" for sandbox in sandboxes],
            },
            # What another try may mend is tried again: the next run finds no version of this key.
            remember=not usage.partial,
        )


def _frame(node: Node, versions: dict[Key, Version]) -> pl.LazyFrame:
    """The rows that the strategy is given; of several variants, with a column that tells whose they are."""
    if node.stage != "scoreboard":
        return pl.concat([versions[key].scan() for key in node.inputs], how="diagonal_relaxed")
    none = pl.LazyFrame(schema=SCORE | {"variant": pl.String})
    scores = [versions[key].scan().with_columns(pl.lit(key[1]).alias("variant")) for key in node.inputs]
    return pl.concat([none, *scores], how="diagonal_relaxed")


def _asked(
    node: Node, tools: Tools, generators: list[LedgeredGenerator], capabilities: dict[str, Any], usage: Usage
) -> list[dict[str, Any]]:
    """What the stage got of each model that it asked, students included; their account is added to the stage's."""
    roles = [name for name, kind in node.strategy.capabilities.items() if kind == "generator"]
    told = [
        {"role": role, "model": tools.model(node, role).identity} | generator.usage.cost()
        for role, generator in zip(roles, generators, strict=True)
    ]
    for name, kind in node.strategy.capabilities.items():
        if kind == "students":
            for generator in capabilities[name].generators:
                usage.add(generator.usage)
                told.append({"role": name, "model": generator.model} | generator.usage.cost())
    where = {"stage": node.stage, "strategy": node.strategy.title}
    return [where | one for one in told]


def _tables(node: Node, versions: dict[Key, Version]) -> dict[str, pl.LazyFrame]:
    """The tables that the strategy reads beside its rows."""
    return {
        name: pl.concat([versions[key].scan() for key in keys], how="diagonal_relaxed")
        for name, keys in node.tables.items()
        if name in node.strategy.tables
    }


def _benchmarks(node: Node, versions: dict[Key, Version]) -> pl.LazyFrame:
    """The questions that a study asks, whether or not the node's strategy reads them."""
    keys = node.tables.get("benchmarks", ())
    tables = [versions[key].scan().select("source", "question_id", "question") for key in keys]
    return pl.concat([pl.LazyFrame(schema=dict.fromkeys(("source", "question_id", "question"), pl.String)), *tables])


def _expected(node: Node, rows: int, params: dict[str, Any]) -> int | None:
    """How many requests there will be; None where that hangs on the answers, or on which questions are alike."""
    return None if node.strategy.title in _REQUESTS_UNKNOWN else rows * int(params.get("samples", 1))


def _write(result: Any, draft: Draft) -> None:
    if isinstance(result, pl.LazyFrame | Split):
        draft.write(*running.as_split(result))
    else:
        draft.write_all(running.as_split(piece) for piece in result)


def _write_source(node: Node, hub: Hub, raw: RawTable, draft: Draft) -> None:
    spec = node.source
    assert spec is not None
    if raw.paths:
        table = raw
    elif spec.repository_files:
        table = hub.files(spec.dataset, spec.repository_files, raw.revision)
    else:
        table = hub.fetch(spec.dataset, spec.config, spec.split, raw.revision)
    mapping, where = spec.read_as(raw.stand_in), f"{spec.where}: {table.paths[0]}"
    with draft.scratch() as scratch:
        frame = readers.scan(table.paths, spec.where, scratch, spec.reader)
        try:
            check_keys(frame, mapping, where)
            _write(to_questions(frame, source=spec.id, mapping=mapping, where=where, domain=spec.domain), draft)
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"{where}: cannot be read to its end ({trouble(table.paths, error)})") from None
    if mapping.domain:
        _check_domains(draft, f"{where}: {mapping.domain}")
    if raw.paths and fingerprint(raw.paths) != raw.revision:
        raise BadInput(f"{where}: changed while it was read; run again when it is whole")


def _check_domains(draft: Draft, where: str) -> None:
    """A column of domains holds domains, in every row that was kept."""
    found = draft.scan().select(pl.col("domain").unique())
    strange = [domain for domain in found.collect()["domain"].to_list() if domain not in DOMAINS]
    if strange:
        raise BadInput(f"{where}: {strange[0]!r} is no domain; there is: {', '.join(DOMAINS)}")


def _capabilities(
    node: Node, tools: Tools, inputs: list[tuple[Key, Version]], stack: ExitStack
) -> tuple[dict[str, Any], list[LedgeredGenerator]]:
    arguments: dict[str, Any] = {}
    generators: list[LedgeredGenerator] = []
    for name, kind in node.strategy.capabilities.items():
        if kind == "generator":
            generators.append(tools.model(node, name).generator(tools.run_id, node.name, _budget(node, tools)))
            stack.callback(generators[-1].ledger.close)
            arguments[name] = generators[-1]
        elif kind == "sandbox":
            arguments[name] = stack.enter_context(tools.sandbox.open(_foreign(node, tools, inputs)))
        elif kind == "tokenizer":
            arguments[name] = _tokenizer(tools.hub)
        elif kind == "students":
            arguments[name] = tools.students.students(tools.run_id, node.name, _budget(node, tools))
        else:
            arguments[name] = tools.embedder
    return arguments, generators


def _foreign(node: Node, tools: Tools, inputs: list[tuple[Key, Version]]) -> str:
    """Whose programs the node may run that the embedded models did not write; empty where they wrote all."""
    if node.stage == "scores":
        return _foreign_students(node, dict(inputs))
    if node.params.get("verify", "code") != "code":
        return ""  # it judges other answers, and runs nothing
    answered = [model for model in lineage.upstream("models", inputs) if model["stage"] == "answers"]
    writers = [model["model"] for model in (*answered, *_models(node, tools, {}, []))]
    found = [f"of {writer}" for writer in writers if not writer.startswith("embedded:")]
    # What a stand-in holds is the project's own.
    real = any(not source["stand_in"] for source in lineage.upstream("sources", inputs))
    if real and lineage.uses("answers", "imported", inputs):
        found.append("imported")
    return found[0] if found else ""


def _foreign_students(node: Node, versions: dict[Key, Version]) -> str:
    """The base of a student that is not the embedded one, where a benchmark has programs run."""
    tests = pl.col("tests").str.strip_chars().fill_null("") != ""
    tables = [versions[key].scan().filter(tests).select("source") for key in node.tables["benchmarks"]]
    tested = {*node.params["adapters"], *pl.concat(tables).collect(engine="streaming")["source"]}
    if all(node.params["verify"].get(benchmark, "auto") not in ("auto", "code") for benchmark in tested):
        return ""
    bases = pl.concat([versions[key].scan().select("base") for key in node.inputs]).collect()["base"]
    return next((f"of {base}" for base in sorted(bases) if not base.startswith("embedded:")), "")


def _budget(node: Node, tools: Tools) -> Budget:
    """What the stage's run may spend: the smaller of the recipe's caps and the run's own."""
    return node.recipe.budget.smaller(tools.budget) if node.recipe else tools.budget


def _capability_names(node: Node, tools: Tools) -> dict[str, str]:
    """The capabilities that bear identity, by name. Which sandbox ran a program does not change its verdict."""
    names: dict[str, str] = {}
    for name, kind in node.strategy.capabilities.items():
        if kind == "generator":
            names[name] = tools.model(node, name).identity
        elif kind == "tokenizer":
            names[name] = tools.hub.tokenizer
        elif kind == "students":
            names[name] = _students(node, tools)
        elif kind == "embedder":
            names[name] = tools.embedder.model
    return names


def _students(node: Node, tools: Tools) -> str:
    """Who trains the students, or asks them."""
    if node.stage != "student":
        return str(tools.students.asked_by)
    return str(tools.students.trained_by(*(node.params[name] for name in ("base", "revision", "lora"))))


def _tokenizer(hub: Hub) -> Tokenizer:
    return hub.open_tokenizer() or Words()


def _refuse(node: Node, results: list[Check]) -> None:
    failed = [result for result in results if result.blocking and not result.passed]
    if failed:
        raise StageFailed(f"{node.name}: {failed[0].name} failed: {failed[0].message}", results)


def _check(
    node: Node,
    table: checks.Table,
    rows_in: int,
    params: dict[str, Any],
    inputs: dict[Key, Version],
    tools: Tools,
    usage: Usage,
    sets: release.Sets,
) -> list[Check]:
    results = checks.house_checks(node, table, rows_in, params) + _published(node, table, tools)
    if node.stage == "cell":
        results.append(checks.cell_check(node, table, params))
        results.append(scoring.overlap_check(table, _benchmarks(node, inputs)))
    if node.stage == "student":
        results = [_why_none(result, table) for result in results] + scoring.student_checks(table)
    if node.stage == "scores":
        results += scoring.scores_checks(table)
    if checks.asks(node):
        results.append(checks.asking_check(usage))
    if node.strategy.title in grading.MAKERS:
        with ExitStack() as stack:
            capabilities, _ = _capabilities(node, tools, list(inputs.items()), stack)
            results += checks.grading_checks(node, table, params, capabilities)
    if checks.audit_names(node):
        with ExitStack() as stack:
            asks = "generator" in node.strategy.capabilities.values()
            capabilities = {} if asks else _capabilities(node, tools, list(inputs.items()), stack)[0]
            results += audits.audit_checks(node, table, params, _tables(node, inputs), capabilities)
    if node.strategy.title == "dataset.release":
        given = {"tokenizer": _tokenizer(tools.hub), "embedder": tools.embedder}
        results += release.release_checks(node, table, inputs, params, given, sets)
    return results


def _why_none(result: Check, table: checks.Table) -> Check:
    """The check, with what is to be done where every student diverged."""
    if result.name != "rows_present" or result.passed or not table.reasons.get("diverged"):
        return result
    evidence = table.dropped().select("drop_evidence").head(1).collect().item()
    return replace(result, message=f"no student: {json.loads(evidence)['error']}; lower `rate`")


def _checks_of(
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
    checked_by = _checked_by(node, tools, sets)
    if version.record.get("checked_by") == checked_by:
        results += _published(node, version, tools)
    else:
        # Whether all was answered is known only to the run that asked.
        asked = {result.name: result for result in results if result.name in checks.ASKING}
        anew = _check(node, version, version.record["rows_in"], params, dict(inputs), tools, Usage(), sets)
        results = [asked.get(result.name, result) for result in anew]
        tools.store.note(version, {"checks": [asdict(result) for result in results], "checked_by": checked_by})
    _refuse(node, results)
    return results


def _checked_by(node: Node, tools: Tools, sets: release.Sets) -> str:
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


def _models(
    node: Node, tools: Tools, params: dict[str, Any], inputs: list[tuple[Key, Version]]
) -> list[dict[str, Any]]:
    own = [
        {"role": name, "model": model, "stage": node.stage, "params": params}
        for name, kind in node.strategy.capabilities.items()
        if kind in ("generator", "students")
        for model in [_students(node, tools) if kind == "students" else tools.model(node, name).identity]
    ]
    return lineage.upstream("models", inputs) + own
