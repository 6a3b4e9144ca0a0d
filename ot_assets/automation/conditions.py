"""When the night makes a table anew: conditions of our own, read off the events that the tables' last runs left.

They ask how things stand, not what happened since the last look. So a night that failed or never came is made up by the
next one, a change that was materialised by hand in the meantime asks for nothing, and it does not matter when the
daemon was started.
"""

from abc import abstractmethod
from collections.abc import Mapping

import dagster as dg

from ot_assets.graph.describe import REVISION

Context = dg.AutomationContext[dg.AssetKey]


class _Asked(dg.AutomationCondition[dg.AssetKey]):
    """A condition on one table, asked only where the conditions before it left the question open.

    Outside the hour of the night it is not, and no event is read.
    """

    @abstractmethod
    def holds(self, context: Context) -> bool: ...

    def evaluate(self, context: Context) -> dg.AutomationResult[dg.AssetKey]:
        true = not context.candidate_subset.is_empty and self.holds(context)
        return dg.AutomationResult(context, context.candidate_subset if true else context.get_empty_subset())


class Adopted(_Asked):
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

    def holds(self, context: Context) -> bool:
        return any(_materialization(context, key) for key in self._datasets)


class Outdated(_Asked):
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

    def holds(self, context: Context) -> bool:
        last = _materialization(context, context.key)
        if last is None:
            return True
        node = context.asset_graph.get(context.key)
        tags = _tags(last)
        return (
            tags.get("dagster/code_version") != node.code_version
            or any(
                tags.get(f"dagster/input_data_version/{key.to_user_string()}") != _data_version(context, key)
                for key in node.parent_keys
            )
            or _source_moved(context, last)
        )


def _source_moved(context: Context, last: dg.EventLogEntry) -> bool:
    """What was seen of the source after the table was made is not what the table was made of."""
    made_of = last.asset_materialization.metadata.get(REVISION) if last.asset_materialization else None
    if made_of is None:
        return False
    seen = context.asset_graph_view.instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=context.key, after_timestamp=last.timestamp), limit=1
    )
    observations = [record.asset_observation for record in seen.records]
    return any(look and look.metadata[REVISION] != made_of for look in observations)


def _materialization(context: Context, key: dg.AssetKey) -> dg.EventLogEntry | None:
    return context.asset_graph_view.instance.get_latest_materialization_event(key)


def _tags(event: dg.EventLogEntry) -> Mapping[str, str]:
    assert event.asset_materialization
    return event.asset_materialization.tags or {}


def _data_version(context: Context, key: dg.AssetKey) -> str | None:
    now = _materialization(context, key)
    return _tags(now).get("dagster/data_version") if now else None
