"""A study as Dagster assets: one a stage, partitioned by its variants, and the scoreboard."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from ot_assets.ablations.model import SCOREBOARD, Study
from ot_assets.ablations.plan import QUESTIONS, StudyPlan, steps
from ot_assets.graph import failures, keys
from ot_assets.graph.assets import check_specs, making, tools_of
from ot_assets.graph.checks import names
from ot_assets.graph.standing import scoreboard_node
from ot_assets.recipes.plan import Key, Node

_SHOWN = 1_500


def study_assets(plan: StudyPlan) -> list[dg.AssetsDefinition]:
    """<study>/<asset> for every table of its variants, and <study>/scoreboard."""
    partitions = dg.StaticPartitionsDefinition(list(plan.variants))
    made = {name: steps(nodes) for name, nodes in plan.variants.items()}
    assets = next(iter(made.values()))
    return [*(_partitioned(plan, asset, partitions, made) for asset in assets), _scoreboard(plan, made)]


def variant_keys(plan: StudyPlan) -> list[dg.AssetKey]:
    """The partitioned assets of a study, in their order."""
    return [_key(plan.study, asset) for asset in steps(next(iter(plan.variants.values())))]


def scoreboard_key(plan: StudyPlan) -> dg.AssetKey:
    return _key(plan.study, SCOREBOARD)


def _partitioned(
    plan: StudyPlan,
    asset: str,
    partitions: dg.StaticPartitionsDefinition,
    made: dict[str, dict[str, list[Node]]],
) -> dg.AssetsDefinition:
    study, key = plan.study, _key(plan.study, asset)
    by_variant = {variant: by_asset[asset] for variant, by_asset in made.items()}
    last = [nodes[-1] for nodes in by_variant.values()]
    every = [node for nodes in by_variant.values() for node in nodes]
    named = list(dict.fromkeys(name for node in last for name in names(node)))

    @dg.asset(
        key=key,
        deps=_deps(plan, every, key),
        group_name=_group(study),
        kinds=set().union(*map(keys.kinds, last)),
        tags=_tags(study, last[0]),
        owners=keys.owners(last[0]),
        description=_description(study, asset, last),
        metadata={"where": str(study.file.name)},
        required_resource_keys=set().union(*map(keys.resource_keys, every)),
        check_specs=check_specs(key, named),
        partitions_def=partitions,
        pool=next(filter(None, map(keys.pool, every)), None),
        output_required=False,
    )
    def materialize(context: dg.AssetExecutionContext) -> Iterator[Any]:
        nodes, store = by_variant[context.partition_key], context.resources.store
        try:
            yield from making(context, nodes, key, named)
        except dg.Failure as failure:
            check = failure.metadata.get("check")
            told = failure.description or "failed"
            failures.note(store, nodes[-1], told, str(check.value) if check else None, context.run.run_id)
            raise
        except Exception as error:
            failures.note(store, nodes[-1], f"{type(error).__name__}: {error}"[:300], None, context.run.run_id)
            raise
        failures.clear(store, nodes[-1])

    return materialize


def _scoreboard(plan: StudyPlan, made: dict[str, dict[str, list[Node]]]) -> dg.AssetsDefinition:
    study, key = plan.study, scoreboard_key(plan)
    every = [node for by_asset in made.values() for nodes in by_asset.values() for node in nodes]
    scores = {node.key: _key(study, node.key[-1]) for node in every}

    @dg.asset(
        key=key,
        deps=sorted({scores[key] for key in plan.scoreboard.inputs}),
        group_name=_group(study),
        kinds=keys.kinds(plan.scoreboard),
        tags=_tags(study, plan.scoreboard),
        owners=keys.owners(plan.scoreboard),
        description=f"**Scoreboard of {study.name}**\n\n{study.description}\n\n{plan.scoreboard.strategy.doc}",
        metadata={"where": str(study.file.name)},
        # How the variants stand is found out by the tables that they would make.
        required_resource_keys=set().union(*map(keys.resource_keys, every), {"store", "warehouse", "sizing"}),
        check_specs=check_specs(key, names(plan.scoreboard)),
        automation_condition=_follows(),
        output_required=False,
    )
    def materialize(context: dg.AssetExecutionContext) -> Iterator[Any]:
        node = scoreboard_node(plan, tools_of(context, plan.scoreboard))
        yield from making(context, [node], key, names(plan.scoreboard))

    return materialize


def _follows() -> dg.AutomationCondition:
    """After any variant's scores, once none of them is being made."""
    automation = dg.AutomationCondition
    done = automation.newly_updated() | automation.newly_requested()
    busy = automation.any_deps_in_progress() | automation.in_progress()
    return automation.any_deps_updated().since(done) & ~busy


def _deps(plan: StudyPlan, nodes: list[Node], own: dg.AssetKey) -> list[dg.AssetKey]:
    found = {_upstream(plan, key) for node in nodes for key in node.upstream}
    return sorted(found - {own})


def _upstream(plan: StudyPlan, key: Key) -> dg.AssetKey:
    if key[0] != plan.study.name:
        return keys.asset_key(key)
    # A source that the variant makes for itself comes of the same asset as its questions.
    own = next(node for node in plan.variants[key[1]] if node.key == key)
    made = key[-1] if own.stage != "sources" else QUESTIONS
    return _key(plan.study, made)


def _key(study: Study, asset: str) -> dg.AssetKey:
    return dg.AssetKey([study.name, asset])


def _group(study: Study) -> str:
    return f"studies/{study.name}"


def _tags(study: Study, node: Node) -> dict[str, str]:
    found = {"stage": node.stage, "study": study.name[:63], "recipe": study.recipe.name[:63]}
    return found | ({"track": study.domain[:63]} if study.domain else {})


def _description(study: Study, asset: str, nodes: list[Node]) -> str:
    """What the variants do at this stage, side by side."""
    parts = [f"**{nodes[0].stage}** of the study {study.name}, a partition a variant.", study.description]
    told = {node.key[1]: _choice(node) for node in nodes}
    if len(set(told.values())) == 1:
        parts += [f"The same in every variant: {nodes[0].strategy.title}.", nodes[0].strategy.doc]
        parts.append(f"`{told[nodes[0].key[1]]}`")
    else:
        rows = [f"| {name} | `{choice[:_SHOWN]}` |" for name, choice in told.items()]
        parts.append("\n".join(["| variant | choice |", "|---|---|", *rows]))
    return "\n\n".join(part for part in parts if part)


def _choice(node: Node) -> str:
    told = {"use": node.use, **node.params} | ({"model": node.teacher} if node.teacher else {})
    # A pipe would end a cell of the table.
    return json.dumps(told, ensure_ascii=False, default=str).replace("|", "\\u007c")
