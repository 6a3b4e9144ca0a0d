"""Each job in a fresh Python process with limits, without network, with nothing of ours in its environment.

A job starts Python with `harness.py` in a session of its own; the harness confines itself (`confine.py`) and forks one
child a case, so that a case costs about 3 ms of CPU where a job costs 20.

What holds. Limits on wall clock, CPU, address space, file size, open files and processes. No network. No signal
reaches a process outside the case; nothing of a case is left when it ends. No file outside the case's directory is
changed. Where the kernel allows namespaces (`confinement` says so), the program sees a root that holds Python's and the
system's libraries and programs and its own directory; without them Landlock lets it read the same, and `chmod`,
`utime`, `link` and their like fail even in its own directory. Root's runs use a user id of each harness's own.

What does not hold. This is a guard against accidents, not against an attacker: the kernel is shared, so a hole in the
kernel is a hole here. Memory is bounded per process (address space) and in files (64 MB, with namespaces), and the
number of processes and threads is limited to 16, but not their sum: at worst a case takes 16 x `memory_mb`, the
files, and what the kernel holds for it (pipes); a container's limit has to bound that. Without namespaces files count
one by one only (16 MB each), and processes of one user's harnesses share the limit, so that one that makes many may
make its neighbour's fail. Names and sizes of files anywhere can be asked for. For untrusted models use the docker
sandbox.
"""

from __future__ import annotations

import io
import marshal
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ot_resources.interfaces import BadInput, Job
from ot_resources.sandboxes.confine import remove_tree
from ot_resources.sandboxes.harnessed import Frame, HarnessSandbox, frames_of, last_line, patience

# Sent compiled with every task: compiling the two anew costs more than starting Python.
PARTS = {
    name: compile(Path(__file__).with_name(f"{name}.py").read_text(), f"{name}.py", "exec")
    for name in ("confine", "harness")
}
START = """
import marshal, sys
task = marshal.loads(sys.stdin.buffer.read())
for name in ("confine", "harness"):
    module = sys.modules[name] = type(sys)(name)
    exec(task.pop(name), module.__dict__)
sys.exit(module.main(task, sys.modules["confine"]))
"""
# As `-I`, which would also ignore the PYTHONHASHSEED below: no user site, no site-packages, no script directory on
# the path; no bytecode files; no warnings on stderr.
COMMAND = (sys.executable, "-s", "-S", "-P", "-B", "-W", "ignore", "-X", "utf8", "-c", START)
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}


class ProcessSandbox(HarnessSandbox):
    """Runs jobs in parallel, `workers` at a time (default: one a core), and yields their results in order.

    `confinement` says what holds the programs on this machine. BadInput at construction where there is no way to
    keep them off the network. `namespaces=False` does without them, as on a kernel that refuses them.
    """

    name = "process"

    def __init__(self, workers: int | None = None, *, namespaces: bool = True) -> None:
        if not sys.platform.startswith("linux"):
            raise BadInput(f"sandbox 'process': needs Linux to cut off the network, this is {sys.platform}")
        super().__init__(workers)
        self._namespaces = namespaces
        self._running: dict[subprocess.Popen[bytes], threading.Event] = {}
        self._lock = threading.Lock()
        self.confinement = self._probe()

    def close(self) -> None:
        """Kill what still runs."""
        self._closed.set()
        self._kill(list(self._running.values()))

    def _kill(self, runs: list[threading.Event]) -> None:
        with self._lock:
            doomed = [process for process, run in self._running.items() if run in runs]
        for process in doomed:
            _kill_group(process)

    def _probe(self) -> str:
        frames, stderr = self._harness(asdict(Job("")), threading.Event())
        kind, text = (frames[0].kind, frames[0].first) if frames else ("", last_line(stderr))
        if kind != "cage":
            raise BadInput(f"sandbox 'process': {text}")
        return text

    def _harness(self, task: dict[str, Any], stopped: threading.Event) -> tuple[list[Frame], str]:
        """What one harness answered, and its stderr. Nothing is left of it afterwards."""
        directory = tempfile.mkdtemp(prefix="ot-sandbox-")
        settings = {"namespaces": self._namespaces, "owner": os.getpid(), "neighbours": self._workers}
        limit = patience(task)
        try:
            process = self._start(directory, stopped)
            try:
                out, err = process.communicate(marshal.dumps(task | PARTS | settings), timeout=limit)
            except subprocess.TimeoutExpired:
                _kill_group(process)
                out, err = process.communicate()
                err += b"\nno answer in %d seconds" % limit
            finally:
                _kill_group(process)
                with self._lock:
                    self._running.pop(process, None)
        finally:
            remove_tree(directory)
        return list(frames_of(io.BytesIO(out))), err.decode(errors="replace")

    def _start(self, directory: str, stopped: threading.Event) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed.is_set() or stopped.is_set():
                raise RuntimeError("the sandbox was closed, or nobody waits for the result")
            process = subprocess.Popen(
                [*COMMAND, directory],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=directory,
                env=ENVIRONMENT,
                start_new_session=True,
            )
            self._running[process] = stopped
        return process


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # The harness alone: the one who runs the cases has a group of his own, hears of it, and clears up. Once the
    # leader is reaped its number may belong to somebody else.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
