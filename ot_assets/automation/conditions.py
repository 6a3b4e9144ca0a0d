"""When the night makes a table anew: conditions of our own, read off the events that the tables' last runs left.

They ask how things stand, not what happened since the last look. So a night that failed or never came is made up by the
next one, a change that was materialised by hand in the meantime asks for nothing, and it does not matter when the
daemon was started.
"""

import dagster as dg

from ot_assets.graph.describe import REVISION

_Condition = dg.AutomationCondition[dg.AssetKey]


class Adopted(_Condition):
    """A dataset that hangs on the table was made before.

    The night refreshes what is there. It never makes a recipe's first dataset: a person says when that money is spent.
    """

    def __init__(self, datasets: tuple[dg.AssetKey, ...]) -> None:
        self._datasets = datasets

    @property
    def name(self) -> str:
        return f"made_before({', '.join(key.to_user_string() for key in self._datasets)})"

    @property
    def description(self) -> str:
        return "a dataset that hangs on it was made before"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        found = any(_materialization(context, key) for key in self._datasets)
        return dg.AutomationResult(context, context.candidate_subset if found else context.get_empty_subset())


class Outdated(_Condition):
    """The table is not what its choice and its inputs, as they are now, would make.

    Its code version (strategy, version, parameters) is another than at its last materialisation, or the version of
    something that it reads is; or its source was observed at another revision since. A table that was never made is
    outdated too.
    """

    @property
    def name(self) -> str:
        return "outdated"

    @property
    def description(self) -> str:
        return "its choice, an input or its source changed since it was made"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        # Outside the hour of the night there are no candidates, and no event is read.
        outdated = not context.candidate_subset.is_empty and _outdated(context)
        return dg.AutomationResult(context, context.candidate_subset if outdated else context.get_empty_subset())


def _outdated(context: dg.AutomationContext[dg.AssetKey]) -> bool:
    last = _materialization(context, context.key)
    if last is None:
        return True
    node = context.asset_graph.get(context.key)
    tags = last.asset_materialization.tags or {}
    if tags.get("dagster/code_version") != node.code_version:
        return True
    for key in node.parent_keys:
        now = _materialization(context, key)
        version = (now.asset_materialization.tags or {}).get("dagster/data_version") if now else None
        if tags.get(f"dagster/input_data_version/{key.to_user_string()}") != version:
            return True
    return _source_moved(context, last)


def _source_moved(context: dg.AutomationContext[dg.AssetKey], last: dg.EventLogEntry) -> bool:
    """What was seen of the source after the table was made is not what the table was made of."""
    if REVISION not in last.asset_materialization.metadata:
        return False
    seen = context.asset_graph_view.instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=context.key, after_timestamp=last.timestamp), limit=1
    )
    return any(
        record.asset_observation.metadata[REVISION] != last.asset_materialization.metadata[REVISION]
        for record in seen.records
    )


def _materialization(context: dg.AutomationContext[dg.AssetKey], key: dg.AssetKey) -> dg.EventLogEntry | None:
    return context.asset_graph_view.instance.get_latest_materialization_event(key)
