"""`ot materialize`: a run of the recipe's job in this process, shown live, and a summary at its end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import dagster as dg
from filelock import FileLock
from rich.console import Console
from rich.text import Text

from ot_assets.automation.leftovers import end_dead_runs
from ot_assets.cli.summary import summary
from ot_assets.graph.assets import PROCESS
from ot_assets.graph.keys import asset_key
from ot_assets.lineage.explain import printable
from ot_assets.location import build
from ot_assets.recipes.library import find_recipe
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import Node, plan, with_upstream
from ot_resources.environments import (
    Sizing,
    checked_scale,
    dagster_home,
    default_budget,
    default_scale,
    environment,
)
from ot_resources.generators.budget import Budget
from ot_resources.interfaces import BadInput
from ot_resources.processes import this_process


def run_recipe(name: str, track: str | None, upto: str | None, scale: float | None, budget: str | None = None) -> int:
    """Materialise a recipe, or a part of it; the exit code is returned."""
    recipe = find_recipe(name)
    nodes = selected(recipe, track, upto)
    definitions = build([recipe], {"sizing": sizing(scale, budget)})
    started = time.monotonic()
    with dagster_run() as instance:
        job = definitions.resolve_job_def(recipe.name)
        result = in_process(job, instance, [asset_key(node.key) for node in nodes])
    if not result.success:
        return tell_failure(result)
    click.echo(f"done in {time.monotonic() - started:.1f} s, run {result.run_id}", err=True)
    click.echo(summary(recipe, nodes))
    return 0


def sizing(scale: float | None, budget: str | None) -> Sizing:
    """How large the run is and what it may spend, as the command says, else the environment. BadInput: it cannot be."""
    if scale is not None:
        checked_scale(scale, f"--scale {scale}")
    if budget is not None:
        Budget.parse(budget, f"--budget {budget}")
    spend = default_budget() if budget is None else budget
    return Sizing(environment=environment(), scale=scale or default_scale(), budget=spend)


@contextmanager
def dagster_run() -> Iterator[dg.DagsterInstance]:
    """Dagster's own notes, while stages report to the terminal."""
    os.environ["DAGSTER_HOME"] = str(dagster_home())
    with _live(), _instance() as instance:
        end_dead_runs(instance)
        yield instance


def in_process(
    job: dg.JobDefinition, instance: dg.DagsterInstance, assets: list[dg.AssetKey], partition: str | None = None
) -> dg.ExecuteInProcessResult:
    """A run of some assets of a job in this process; it appears in the UI's history."""
    return job.execute_in_process(
        instance=instance,
        asset_selection=assets,
        partition_key=partition,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        # The daemon starts crashed workers again; this run has none.
        tags={"ot/command": "materialize", PROCESS: this_process(), "dagster/max_retries": "0"},
        raise_on_error=False,
    )


def _instance() -> dg.DagsterInstance:
    """Dagster's own notes. Of two runs that begin in a new folder at the same time, one makes the tables."""
    with FileLock(Path(os.environ["DAGSTER_HOME"]) / "opening.lock"):
        return dg.DagsterInstance.get()


def selected(recipe: Recipe, track: str | None, upto: str | None) -> list[Node]:
    """The wanted nodes and everything upstream of them."""
    nodes = {node.key: node for node in plan(recipe)}
    tracks = [t.name for t in recipe.tracks]
    if track is not None and track not in tracks:
        raise BadInput(f"--track {track}: {recipe.name} has no such track; there is: {', '.join(tracks)}")
    own = {key: node for key, node in nodes.items() if node.recipe and node.recipe.name == recipe.name}
    assets = {key[-1] for key in own}
    if upto is not None and upto not in assets:
        raise BadInput(f"--upto {upto}: no such asset; there is: {', '.join(sorted(assets))}")
    wanted = [
        key for key, node in own.items() if (track is None or node.track == track) and (upto is None or key[-1] == upto)
    ]
    if not wanted:
        raise BadInput(f"--track {track} --upto {upto}: no table is both")
    needed = with_upstream(wanted, nodes)
    return [node for key, node in nodes.items() if key in needed]


def _interrupted(error: object) -> bool:
    while error is not None:
        if "Interrupt" in str(getattr(error, "cls_name", "")):
            return True
        error = getattr(error, "cause", None)
    return False


def tell_failure(result: dg.ExecuteInProcessResult) -> int:
    """Say in one line a cause what went wrong, and the exit code; the last good tables stay in use."""
    code = 0
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if _interrupted(data.error):
                click.echo("ot: interrupted; run the same command again to go on from here", err=True)
                return 130
            failure = data.user_failure_data
            said = failure.description if failure and failure.description else _cause(data.error)
            click.echo(f"ot: {printable(said)}", err=True)
            exit_code = failure.metadata.get("exit_code") if failure else None
            code = max(code, int(str(exit_code.value)) if exit_code else 1)
    return code or 1


def _cause(error: object) -> str:
    while getattr(error, "cause", None):
        error = error.cause  # type: ignore[attr-defined]
    lines = str(getattr(error, "message", error)).strip().splitlines()
    return lines[0] if lines else "the run failed"


class _Lines(logging.Handler):
    """Prints what the stages say, with the time since the start; how a model is getting on in a line that changes."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._started = time.monotonic()
        self._status = console.status("") if console.is_terminal else None

    def emit(self, record: logging.LogRecord) -> None:
        said = printable(record.getMessage())
        line = f"{time.monotonic() - self._started:6.1f} s  {said}"
        if record.name == "ot.progress":
            if self._status is not None:
                self._status.update(Text(said, overflow="ellipsis", no_wrap=True, style="dim"))
                self._status.start()
            return
        if self._status is not None:
            if record.name == "ot.ledger" and record.levelno == logging.INFO and record.msg == "%s":
                return  # the same, for logs that do not change
            self._status.stop()
        style = "dim" if record.name == "ot.ledger" else ""
        self._console.print(line, style=style, highlight=False, markup=False)

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()
        super().close()


class _live:
    """While it is entered, stages report to the terminal and Dagster's own lines stay out of it."""

    def __enter__(self) -> None:
        self._handler = _Lines(Console(stderr=True, soft_wrap=True))
        logger = logging.getLogger("ot")
        logger.setLevel(logging.INFO)
        logger.addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("ot").removeHandler(self._handler)
        self._handler.close()
