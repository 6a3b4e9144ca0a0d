"""Runs whose process is gone, so that nobody else ends them."""

import dagster as dg

from ot_assets.graph.assets import PROCESS
from ot_resources.processes import is_gone

_GOING_ON = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Report them as failed: until then they hold their place in the queue and in the pool of models.

    Dagster's launcher notices a worker that dies while the code server lives, and nothing else: not `ot materialize`
    that was killed, not a machine that lost its power.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=_GOING_ON)):
        if is_gone(run.tags.get(PROCESS, "")):
            instance.report_run_failed(run, "The process that executed this run is gone; what it made stays.")
