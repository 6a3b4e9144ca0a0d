"""A node as a Dagster asset."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import yaml

from ot_assets.graph import describe, keys
from ot_assets.graph.checking import StageFailed
from ot_assets.graph.checks import TOLD, WARNING, Check, names
from ot_assets.graph.execute import Made, execute
from ot_assets.graph.tools import Tools
from ot_assets.lineage.explain import printable
from ot_assets.lineage.record import FIRST_TIME
from ot_assets.recipes.plan import Node
from ot_resources.environments import default_scale
from ot_resources.files import is_full
from ot_resources.generators.budget import Budget
from ot_resources.generators.flight import Broken
from ot_resources.interfaces import BadInput
from ot_resources.processes import this_process
from ot_resources.students.working import TrainingFailed

# Tags of a run: that it refreshes what is there (the value says when such runs come), and which process executes it.
REFRESH, PROCESS = "ot/refresh", "ot/process"

log = logging.getLogger("ot.stage")
_signed: set[str] = set()


def stage_asset(
    node: Node,
    condition: dg.AutomationCondition | None = None,
    freshness: dg.FreshnessPolicy | None = None,
    within: str = "",
) -> dg.AssetsDefinition:
    """The asset that makes the node's table, in its group `within` another. Its checks come with it, so that nothing is
    read twice."""

    @dg.asset(
        key=keys.asset_key(node.key),
        deps=[keys.asset_key(key) for key in node.upstream],
        group_name=within + keys.group(node),
        kinds=keys.kinds(node),
        tags=keys.tags(node),
        owners=keys.owners(node),
        description=_description(node),
        code_version=node.code_version,
        metadata=_definition_metadata(node),
        required_resource_keys=keys.resource_keys(node),
        check_specs=_check_specs(node),
        automation_condition=condition,
        freshness_policy=freshness,
        pool=keys.pool(node),
        # After a failed check the asset yields the check alone, and the last good version stays.
        output_required=False,
    )
    def materialize(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from making(context, [node], keys.asset_key(node.key), names(node))

    return materialize


def making(
    context: dg.AssetExecutionContext, nodes: Sequence[Node], asset: dg.AssetKey, named: Sequence[str]
) -> Iterator[Any]:
    """Make the tables of an asset, the last of which is its own, and tell Dagster what came of it.

    `named` are the checks that the asset has; one that this table need not pass is told as passed.
    """
    _sign(context)
    node = nodes[-1]
    try:
        for before in nodes[:-1]:
            log.info("%s", one_line(execute(before, tools_of(context, before))))
        made = execute(node, tools_of(context, node))
    except StageFailed as failure:
        yield from _check_results(asset, failure.checks, named)
        failed = next(check.name for check in failure.checks if check.blocking and not check.passed)
        metadata: dict[str, Any] = {"exit_code": 1, "check": failed}
        raise dg.Failure(printable(str(failure)), metadata=metadata, allow_retries=False) from None
    except BadInput as error:
        raise dg.Failure(printable(str(error)), metadata={"exit_code": 2}, allow_retries=False) from None
    except (Broken, TrainingFailed) as error:
        raise dg.Failure(printable(str(error)), metadata={"exit_code": 1}, allow_retries=False) from None
    except Exception as error:
        if not is_full(error):
            raise
        said = f"{node.name}: No space left on device, the store is {context.resources.store.path} ({error})"
        raise dg.Failure(printable(said), metadata={"exit_code": 1}, allow_retries=False) from None
    context.resources.warehouse.refresh()
    log.info("%s", one_line(made))
    passed = [check.name for check in made.checks]
    spared = [Check(name, True, "this table need not pass it", blocking=False) for name in named if name not in passed]
    yield dg.MaterializeResult(
        metadata=describe.metadata(made),
        data_version=dg.DataVersion(made.version.version),
        check_results=list(_check_results(asset, [*made.checks, *spared], named)),
        tags={"reused": str(made.reused).lower()},
    )


def _sign(context: dg.AssetExecutionContext) -> None:
    """Note once on a run which process executes it: nobody else can tell later whether that is gone."""
    if context.run.tags.get(PROCESS) != this_process() and context.run.run_id not in _signed:
        _signed.add(context.run.run_id)
        context.instance.add_run_tags(context.run.run_id, {PROCESS: this_process()})


def one_line(made: Made) -> str:
    """What a stage did, for a person who watches."""
    record = made.version.record
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in record["dropped"].items())
    change = (
        f"{record['rows_in']:,} -> {made.version.rows:,} rows" if record["rows_in"] else f"{made.version.rows:,} rows"
    )
    told = f"{made.node.name}: {change}" + (f" (dropped: {dropped})" if dropped else "")
    told += ", reused" if made.reused else f", {made.seconds:.1f} s"
    # That everything is new in a first run goes without saying.
    return told + (f"; {made.because}" if made.because and made.because != FIRST_TIME else "")


def tools_of(context: dg.AssetExecutionContext, node: Node) -> Tools:
    """The run's resources, as far as the asset asks for them."""
    resources = context.resources._asdict()
    return Tools(
        store=resources["store"],
        hub=resources.get("hub"),
        models={name: resources[name] for name in ("teacher", "judge") if name in resources},
        sandbox=resources.get("sandbox"),
        embedder=resources.get("embedder"),
        environment=resources["sizing"].environment,
        scale=_last_scale(context, node) or resources["sizing"].scale or None,
        run_id=context.run.run_id,
        budget=Budget.parse(resources["sizing"].budget, f"budget '{resources['sizing'].budget}'"),
        students=resources.get("students"),
        teachers=resources.get("teachers"),
    )


def _last_scale(context: dg.AssetExecutionContext, node: Node) -> float | None:
    """In a run that refreshes, the scale that the recipe's dataset, or the study's scores, were last made at, unless
    another was asked for."""
    asked = context.resources.sizing.scale != default_scale()
    if REFRESH not in context.run.tags or node.recipe is None or asked:
        return None
    told = "scores" if node.stage == "scoreboard" else "dataset"
    last = context.instance.get_latest_materialization_event(keys.asset_key((node.recipe.name, told)))
    scale = last.asset_materialization.metadata.get(describe.SCALE) if last and last.asset_materialization else None
    return float(scale.value) if scale else None  # type: ignore[arg-type]


def _check_specs(node: Node) -> list[dg.AssetCheckSpec]:
    return check_specs(keys.asset_key(node.key), names(node))


def check_specs(asset: dg.AssetKey, named: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """The checks of an asset as Dagster lists them."""
    return [
        dg.AssetCheckSpec(name, asset=asset, description=TOLD[name], blocking=name not in WARNING) for name in named
    ]


def _check_results(asset: dg.AssetKey, checks: list[Check], named: Sequence[str]) -> Iterator[dg.AssetCheckResult]:
    yield from (_check_result(asset, check) for check in checks if check.name in named)


def _check_result(asset: dg.AssetKey, check: Check) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=check.passed,
        check_name=check.name,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
        description=printable(check.message),
        metadata={"shown": describe.rows_shown(check.shown)} if check.shown else None,
    )


def _description(node: Node) -> str:
    if node.source:
        return _source_description(node)
    params = yaml.safe_dump(node.params, sort_keys=False, allow_unicode=True).strip() if node.params else ""
    against = [key[1] for tables in node.tables.values() for key in tables if key[0] == "benchmarks"]
    parts = [f"**{node.stage}: {node.use}**", _because(node), node.strategy.doc]
    if params:
        parts.append(f"Parameters at full size:\n\n```yaml\n{params}\n```")
    if against:
        parts.append("Against: " + ", ".join(against))
    if node.stage == "dataset" and node.recipe and node.strategy.name == "release":
        parts.insert(0, node.recipe.description)
    return "\n\n".join(part for part in parts if part)


def _because(node: Node) -> str:
    why = node.because
    if why is None:
        return ""
    variant = f", variant {why.variant}" if why.variant else ""
    return f"Chosen because of the study {why.study}{variant}" + (f" ({why.verdict})" if why.verdict else "") + "."


def _source_description(node: Node) -> str:
    spec = node.source
    assert spec is not None
    lines = [f"**{spec.id}**: {spec.url}"]
    lines += [f"Published: {spec.published_rows:,} rows."] if spec.published_rows else []
    lines += [f"Licence: {spec.licence or 'not read anywhere yet'}."]
    if spec.dataset:
        lines += [f"Schema: {spec.verified or 'unverified'}.", spec.note]
    mapping = yaml.safe_dump(spec.mapping.model_dump(mode="json", exclude_defaults=True), sort_keys=False).strip()
    return "\n\n".join([*(line for line in lines if line), f"```yaml\n{mapping}\n```"])


def _definition_metadata(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"where": node.where, "strategy_version": node.strategy.version}
    if node.source and node.source.dataset:
        found["hub"] = dg.MetadataValue.url(node.source.url)
    return found
