"""The look at the sources: is each one there, and is it what its table was made of?"""

import logging
from collections.abc import Iterator

import dagster as dg

from ot_assets.automation.leftovers import end_dead_runs
from ot_assets.graph.describe import REVISION
from ot_assets.graph.keys import asset_key
from ot_assets.graph.outside import outside
from ot_assets.lineage.explain import printable
from ot_assets.recipes.plan import Node
from ot_resources.files import first_line
from ot_resources.interfaces import BadInput

CHECK = "source_present"
JOB = "observe_sources"

log = logging.getLogger("ot.observe")


def observation(sources: list[Node]) -> dg.AssetChecksDefinition:
    """One step that looks at every source and benchmark: files by content, followed Hub datasets by newest commit.

    Each look is an observation of the asset, with the revision that was seen, and a check: it fails where the source
    cannot be read, and then the job of the look does too. The table in use stays in use.
    """
    by_key = {asset_key(node.key): node for node in sources}
    specs = [
        dg.AssetCheckSpec(
            CHECK, asset=key, description="The source is there. A change that was seen is refreshed by the next night."
        )
        for key in by_key
    ]

    @dg.multi_asset_check(name="look_at_sources", specs=specs, required_resource_keys={"hub", "store"}, can_subset=True)
    def look(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        end_dead_runs(context.instance)
        missing = []
        for key in sorted(check.asset_key for check in context.selected_asset_check_keys):
            node = by_key[key]
            in_use = context.resources.store.latest(node.key) is not None
            try:
                revision, said = _look(node, context)
            except Exception as error:  # one source may not keep the others from being looked at
                said = printable(str(error) if isinstance(error, BadInput) else f"{node.name}: {first_line(error)}")
                missing += [said] if in_use else []
                yield _result(key, False, said, in_use)
            else:
                if revision:
                    seen = dg.AssetObservation(key, description=said, metadata={REVISION: revision})
                    context.op_execution_context.log_event(seen)
                yield _result(key, True, said, in_use)
        # In a run that makes tables, those that cannot be made say so themselves.
        if missing and context.run.job_name == JOB:
            others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise dg.Failure(missing[0] + others, metadata={"exit_code": 2}, allow_retries=False)

    return look


def _look(node: Node, context: dg.AssetCheckExecutionContext) -> tuple[str, str]:
    """The revision of a source as it is now (empty: not asked for), and how it compares with the table in use."""
    before = context.resources.store.latest(node.key)
    if before is None and node.source and node.source.dataset:
        # The first contact with the Hub locks a commit: that is for the run that wants it.
        return "", "its table was not made yet"
    raw = outside(node, context.resources.hub, before)
    assert raw is not None
    if before is None:
        return raw.revision, "there; its table was not made yet"
    made_of = before.record["sources"][0]["revision"]
    if raw.revision == made_of:
        return raw.revision, "unchanged"
    said = f"changed: {made_of[:8]} -> {raw.revision[:8]}"
    log.info("%s %s", node.name, said)
    return raw.revision, said


def _result(key: dg.AssetKey, passed: bool, said: str, in_use: bool) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if in_use else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=passed, check_name=CHECK, asset_key=key, severity=severity, description=said)
