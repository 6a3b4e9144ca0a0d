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

import marshal
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from ot_resources.interfaces import BadInput, Execution, ExecutionStatus, Job
from ot_resources.sandboxes.confine import remove_tree

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

# What starting, confining and clearing up may take on a busy machine, beyond the cases' own seconds.
SLACK_SECONDS = 30.0
SLACK_SECONDS_A_CASE = 1.0


class _Frame(NamedTuple):
    kind: str
    seconds: float
    first: str
    second: str


class ProcessSandbox:
    """Runs jobs in parallel, `workers` at a time (default: one a core), and yields their results in order.

    `confinement` says what holds the programs on this machine. BadInput at construction where there is no way to
    keep them off the network. `namespaces=False` does without them, as on a kernel that refuses them.
    """

    name = "process"

    def __init__(self, workers: int | None = None, *, namespaces: bool = True) -> None:
        if not sys.platform.startswith("linux"):
            raise BadInput(f"sandbox 'process': needs Linux to cut off the network, this is {sys.platform}")
        self._namespaces = namespaces
        self._workers = workers or os.cpu_count() or 1
        self._running: dict[subprocess.Popen[bytes], threading.Event] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.confinement = self._probe()

    def __enter__(self) -> ProcessSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill what still runs."""
        self._closed.set()
        self._kill(list(self._running.values()))

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Execution, ...]]:
        """One tuple of executions a job, in order. `jobs` is read lazily, at most two a worker ahead."""
        window: deque[Future[tuple[Execution, ...]]] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="sandbox")
        stopped = threading.Event()
        try:
            for job in jobs:
                window.append(pool.submit(self._run_job, job, stopped))
                if len(window) >= 2 * self._workers:
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
        finally:
            # Nothing is left to stop unless the results were abandoned.
            stopped.set()
            self._kill([stopped])
            pool.shutdown(wait=True, cancel_futures=True)

    def _kill(self, runs: list[threading.Event]) -> None:
        with self._lock:
            doomed = [process for process, run in self._running.items() if run in runs]
        for process in doomed:
            _kill_group(process)

    def _probe(self) -> str:
        frames, stderr = self._harness(asdict(Job("")), threading.Event())
        kind, text = (frames[0].kind, frames[0].first) if frames else ("", _last_line(stderr))
        if kind != "cage":
            raise BadInput(f"sandbox 'process': {text}")
        return text

    def _run_job(self, job: Job, stopped: threading.Event) -> tuple[Execution, ...]:
        executions: list[Execution] = []
        while True:
            rest = replace(job, stdins=job.stdins[len(executions) :])
            frames, stderr = self._harness(asdict(rest), stopped)
            told = [
                Execution(ExecutionStatus(frame.kind), frame.first, frame.second, frame.seconds)
                for frame in frames
                if frame.kind not in ("cage", "refused", "unclean")
            ]
            executions += told
            # What one case left could not be removed, and the next must not see it.
            if not told or frames[-1].kind != "unclean" or len(executions) >= len(job.stdins):
                break
        refused = [frame.first for frame in frames if frame.kind == "refused"]
        why = refused[0] if refused else f"the sandbox ended early: {_last_line(stderr)}"
        missing = Execution(ExecutionStatus.UNAVAILABLE, "", why, 0.0)
        return tuple(executions + [missing] * (len(job.stdins) - len(executions)))

    def _harness(self, task: dict[str, Any], stopped: threading.Event) -> tuple[list[_Frame], str]:
        """What one harness answered, and its stderr. Nothing is left of it afterwards."""
        directory = tempfile.mkdtemp(prefix="ot-sandbox-")
        settings = {"namespaces": self._namespaces, "owner": os.getpid(), "neighbours": self._workers}
        limit = SLACK_SECONDS + len(task["stdins"]) * (task["seconds"] + SLACK_SECONDS_A_CASE)
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
        return list(_frames(out)), err.decode(errors="replace")

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


def _frames(out: bytes) -> Iterator[_Frame]:
    """Cut the harness's answer into frames; one that is torn, because the harness was killed, is left out."""
    while b"\n" in out:
        head, _, rest = out.partition(b"\n")
        kind, seconds, first, second = head.decode("ascii", "replace").split(" ")
        end = int(first) + int(second)
        if len(rest) < end:
            return
        texts = rest[: int(first)], rest[int(first) : end]
        yield _Frame(kind, float(seconds), *(text.decode("utf-8", "replace") for text in texts))
        out = rest[end:]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
