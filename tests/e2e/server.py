"""Dagster as an operator runs it: webserver, daemon and code server, on a data root and a port of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import dagster as dg

from ot_resources.store import Store
from tests.cli.running import environment
from tests.conftest import PROJECT

UP_WITHIN = 180
Found = TypeVar("Found")


@dataclass(frozen=True)
class Server:
    """A running Dagster, and the folder that everything of it is in."""

    url: str
    data: Path
    recipes: Path
    instance: dg.DagsterInstance
    log: Path

    def rows(self, *asset: str) -> int:
        """The rows of an asset's table as it is now."""
        version = Store(root=str(self.data)).latest(asset)
        assert version is not None, asset
        return version.rows

    def status(self, job: str) -> str:
        """The status of the newest run of a job."""
        return next(run for run in self.instance.get_runs() if run.job_name == job).status.value

    def runs(self, **tags: str) -> list[dg.DagsterRun]:
        """The runs with these tags, the newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(tags=tags)))


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[Server]:
    """Start `dagster dev` over folder/data and the recipes of folder/recipes; end it with all its processes."""
    data, home, port = folder / "data", folder / "data" / "dagster", _free_port()
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
    (folder / "recipes").mkdir(exist_ok=True)
    surroundings = environment(data, OT_RECIPES=str(folder / "recipes"), DAGSTER_HOME=str(home), **more)
    command = [Path(sys.executable).with_name("dagster"), "dev", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "dagster.log").open("w") as log:
        process = subprocess.Popen(
            [*map(str, command), "--workspace", "workspace.yaml"],
            cwd=PROJECT,
            env=surroundings,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: _answers(f"{url}/server_info") or process.poll() is not None, UP_WITHIN, "the webserver")
        assert process.poll() is None, (folder / "dagster.log").read_text()
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield Server(url, data, folder / "recipes", instance, folder / "dagster.log")
    finally:
        _end(process)


def wait(found: Callable[[], Found], seconds: float, what: str, every: float = 0.5) -> Found:
    """What `found` gives once it is true; fails with `what` after so many seconds."""
    until = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < until, f"waited {seconds:g} s for {what}"
        time.sleep(every)
    return result


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask as Ctrl-C does; what does not go by itself is killed, with the workers of its runs."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=60)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
