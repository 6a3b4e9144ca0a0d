"""When the night makes a table anew: conditions of our own, read off the events that the tables' last runs left.

They ask how things stand, not what happened since the last look. So a night that failed or never came is made up by the
next one, a change that was materialised by hand in the meantime asks for nothing, and it does not matter when the
daemon was started.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import dagster as dg

from ot_assets.graph.describe import INPUTS, ORIGIN, REVISION, SCALE

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
    something that it read is. Or it was made at another scale than its recipe's dataset, or from a source of the same
    name elsewhere, or its source was observed at another revision since. Or it was never made.
    """

    def __init__(self, dataset: dg.AssetKey | None, origin: str | None) -> None:
        self._dataset, self._origin = dataset, origin

    @property
    def name(self) -> str:
        return "outdated"

    @property
    def description(self) -> str:
        return "its choice, an input or its source changed since it was made"

    def holds(self, context: Context) -> bool:
        last = _materialization(context, context.key)
        return last is None or (
            _tags(last).get("dagster/code_version") != context.asset_graph.get(context.key).code_version
            or _metadata(last).get(ORIGIN) != self._origin
            or _read_others(context, last)
            or self._resized(context, last)
            or _source_moved(context, last)
        )

    def _resized(self, context: Context, last: dg.EventLogEntry) -> bool:
        dataset = _materialization(context, self._dataset) if self._dataset else None
        return dataset is not None and _metadata(last).get(SCALE) != _metadata(dataset).get(SCALE)


def _read_others(context: Context, last: dg.EventLogEntry) -> bool:
    """What the table was made from is not what its inputs are now.

    Dagster's own tags tell the newest versions when the step began. A run reads what it made itself, which is another
    where two runs go at once; so we compare what we told ourselves.
    """
    read = _metadata(last).get(INPUTS, {})
    return any(
        read.get(key.to_user_string()) != _data_version(context, key)
        for key in context.asset_graph.get(context.key).parent_keys
    )


def _source_moved(context: Context, last: dg.EventLogEntry) -> bool:
    """What was seen of the source after the table was made is not what the table was made of."""
    made_of = _metadata(last).get(REVISION)
    if made_of is None:
        return False
    seen = context.asset_graph_view.instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=context.key, after_timestamp=last.timestamp), limit=1
    )
    looks = [record.asset_observation for record in seen.records]
    return any(look and look.metadata[REVISION].value != made_of for look in looks)


def _materialization(context: Context, key: dg.AssetKey) -> dg.EventLogEntry | None:
    return context.asset_graph_view.instance.get_latest_materialization_event(key)


def _tags(event: dg.EventLogEntry) -> Mapping[str, str]:
    assert event.asset_materialization
    return event.asset_materialization.tags or {}


def _metadata(event: dg.EventLogEntry) -> dict[str, Any]:
    assert event.asset_materialization
    return {name: entry.value for name, entry in event.asset_materialization.metadata.items()}


def _data_version(context: Context, key: dg.AssetKey) -> str | None:
    now = _materialization(context, key)
    return _tags(now).get("dagster/data_version") if now else None
