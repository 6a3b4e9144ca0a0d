"""`ot materialize STUDY`: the tables that all variants share, then each variant in a run of its own, then the board."""

from __future__ import annotations

import time

import click
import dagster as dg

from ot_assets.ablations.library import find_study
from ot_assets.ablations.model import Study
from ot_assets.ablations.plan import StudyPlan, plan_study
from ot_assets.cli.run import dagster_run, in_process, sizing, tell_failure
from ot_assets.graph.keys import asset_key
from ot_assets.graph.studies import scoreboard_key, variant_keys
from ot_assets.location import build
from ot_resources.environments import data_root
from ot_resources.interfaces import BadInput
from ot_resources.store import Store

INTERRUPTED = 130


def run_study(name: str, only: tuple[str, ...], scale: float | None, budget: str | None) -> int:
    """Materialise a study, or some of its variants; the exit code is returned, 1 where a variant failed."""
    study = find_study(name)
    wanted = wanted_variants(study, only)
    plan = plan_study(study)
    definitions = build([], {"sizing": sizing(scale, budget)}, [study])
    started = time.monotonic()
    with dagster_run() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        code = _run(job, instance, plan, wanted)
    if code != INTERRUPTED:
        click.echo(f"done in {time.monotonic() - started:.1f} s", err=True)
        _show(plan)
    return code


def _run(job: dg.JobDefinition, instance: dg.DagsterInstance, plan: StudyPlan, wanted: list[str]) -> int:
    """The shared tables; the variants, of which one that fails does not stop the others; the scoreboard."""
    needed = {node.key for variant in wanted for node in plan.nodes(variant)}
    shared = [asset_key(node.key) for node in plan.base if node.key in needed]
    result = in_process(job, instance, shared)
    if not result.success:
        return tell_failure(result)
    code = 0
    for number, variant in enumerate(wanted, start=1):
        click.echo(f"{plan.study.name}: {variant} ({number} of {len(wanted)})", err=True)
        result = in_process(job, instance, variant_keys(plan), variant)
        if not result.success:
            if tell_failure(result) == INTERRUPTED:
                return INTERRUPTED
            code = 1
    result = in_process(job, instance, [scoreboard_key(plan)])
    return code if result.success else tell_failure(result)


def wanted_variants(study: Study, only: tuple[str, ...]) -> list[str]:
    """The variants that the command names, else all. BadInput: there is no such variant."""
    for variant in only:
        if variant not in study.variants:
            raise BadInput(
                f"--variant {variant}: {study.name} has no such variant; there is: {', '.join(study.variants)}"
            )
    return [variant for variant in study.variants if not only or variant in only]


def _show(plan: StudyPlan) -> None:
    from ot_assets.cli.board import text

    board = Store(root=str(data_root())).latest(plan.scoreboard.key)
    if board is not None:
        click.echo(text(board.scan().collect()))
