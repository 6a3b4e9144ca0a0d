"""Jobs in a pool of warm containers, each of which runs one job at a time in fresh processes.

Process 1 of a container (`container.py`) takes tasks on its stdin and answers on its stdout, so a job costs a fork or
two instead of the start of a container. The same `harness.py` and `confine.py` as in the process sandbox run inside.

What holds. No network; a root that cannot be written, without files that change the user; one folder of 64 MB for the
cases, emptied after each; no capability, no new ones, the engine's filter of system calls and our own (no sockets, no
signals, no sessions); a user id that nobody else has; limits on the memory of the whole container (no swap), on its
processes and on its CPU, and on every process as in the process sandbox. No folder of the host and no socket of the
engine is inside. A container that ended early, left a process or could not be emptied is removed, and its job tried
once more in a new one. It ends by itself when the process that owns it does, and what a killed engine kept of it is
removed by the next sandbox.

What does not hold: the kernel is shared, so a hole in the kernel is a hole here. Programs share the CPU's caches and
the disk's bandwidth with their neighbours.

When the engine is gone, a job waits for it a few seconds and is then `unavailable`; the ones after it are so at once,
until an engine answers again.
"""

from __future__ import annotations

import io
import marshal
import os
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ot_resources.interfaces import BadInput, Job
from ot_resources.processes import is_gone, this_process
from ot_resources.sandboxes.confine import DISK_FILES, DISK_MB, PROCESSES
from ot_resources.sandboxes.harnessed import Frame, HarnessSandbox, frames_of, patience
from ot_resources.sandboxes.image import NAME

LABEL = "ot-assets.sandbox.owner"
USER = 60706  # as in the Dockerfile
SOURCES = [Path(__file__).with_name(f"{name}.py").read_text() for name in ("confine", "harness", "container")]
START = """
import sys
for name, source in zip(("confine", "harness", "container"), sys.argv[1:]):
    module = sys.modules[name] = type(sys)(name)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
sys.exit(module.main(sys.modules["confine"], sys.modules["harness"]))
"""
# The flags are the process sandbox's.
COMMAND = ["python3", "-s", "-S", "-P", "-B", "-W", "ignore", "-X", "utf8", "-c", START, *SOURCES]
# Beside the processes of a case: process 1, the one who runs the cases, and the checker.
PROCESSES_BESIDE = 3
# Beside the two processes of a case and the folder: process 1, and what the kernel holds for all of them.
MEMORY_BESIDE_MB = 128
ENGINE_SECONDS = 30.0
# How often a job is tried while no engine answers, with the pauses between, and in containers that end early.
PAUSES = (0.5, 1.0, 2.0, 4.0)
CONTAINERS_A_JOB = 2


class DockerSandbox(HarnessSandbox):
    """Runs jobs in parallel, `workers` at a time (default: one a core), and yields their results in order.

    `confinement` says what holds the programs. The engine is the one of DOCKER_HOST, else the machine's own.
    BadInput at construction where no engine answers, or it has no image (`make sandbox-image`).
    """

    name = "docker"

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(workers)
        self._host = engine_host()
        self.client = open_client()
        self._lock = threading.Lock()
        self._idle: list[_Container] = []
        self._busy: dict[_Container, threading.Event] = {}
        self._gone = False
        _remove_orphans(self.client)
        try:
            self.confinement = self._probe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove all containers."""
        self._closed.set()
        with self._lock:
            idle, self._idle = self._idle, []
        self._kill(list(self._busy.values()))
        for container in idle:
            container.remove()
        if not self._busy:
            self.client.close()

    def _kill(self, runs: list[threading.Event]) -> None:
        with self._lock:
            doomed = [container for container, run in self._busy.items() if run in runs]
        for container in doomed:
            container.remove()

    def _probe(self) -> str:
        frames, why = self._harness(asdict(Job("")), threading.Event())
        if not frames or frames[0].kind != "cage":
            raise BadInput(f"sandbox 'docker': {frames[0].first if frames else why}")
        return frames[0].first

    def _harness(self, task: dict[str, Any], stopped: threading.Event) -> tuple[list[Frame], str]:
        pauses = [] if self._gone else list(PAUSES)
        left = CONTAINERS_A_JOB
        while True:
            try:
                container = self._take(task, stopped)
            except _engine_errors() as error:
                why = f"the Docker engine failed: {short(error)}"
                if pauses and not self._closed.wait(pauses.pop(0)):
                    continue
                self._gone = True
                return [], why
            self._gone = False
            frames, wrong = container.ask(task)
            self._return(container, wrong)
            if not wrong or _is_whole(frames, task):
                return frames, ""
            if stopped.is_set() or self._closed.is_set():
                return [], "stopped"
            if not self._engine_answers():
                continue
            left -= 1
            if not left:
                return frames, f"its container failed {CONTAINERS_A_JOB} times, last: {wrong}"

    def _take(self, task: dict[str, Any], stopped: threading.Event) -> _Container:
        """A container that is large enough, warm where there is one."""
        memory_mb = 2 * task["memory_mb"] + DISK_MB + MEMORY_BESIDE_MB
        container = None
        while container is None:
            with self._lock:
                if self._closed.is_set() or stopped.is_set():
                    raise RuntimeError("the sandbox was closed, or nobody waits for the result")
                found = self._idle.pop() if self._idle else None
                if found is not None and found.memory_mb >= memory_mb and found.is_quiet():
                    container = self._busy_with(found, stopped)
            if container is None:
                if found is not None:
                    found.remove()
                    continue
                started = _Container(self.client, self._host, memory_mb)
                with self._lock:
                    container = self._busy_with(started, stopped)
        if self._closed.is_set() or stopped.is_set():
            self._return(container, "stopped")
            raise RuntimeError("the sandbox was closed, or nobody waits for the result")
        return container

    def _busy_with(self, container: _Container, run: threading.Event) -> _Container:
        self._busy[container] = run
        return container

    def _return(self, container: _Container, wrong: str) -> None:
        with self._lock:
            del self._busy[container]
            keep = not wrong and not self._closed.is_set() and len(self._idle) < self._workers
            if keep:
                self._idle.append(container)
        if not keep:
            container.remove()

    def _engine_answers(self) -> bool:
        with suppress(*_engine_errors()):
            knock(self._host)
            return bool(self.client.ping())
        return False


class _Container:
    """One container, and the connection to its process 1."""

    def __init__(self, client: Any, host: str, memory_mb: int) -> None:
        knock(host)
        self.memory_mb, self._host = memory_mb, host
        self._removing = threading.Lock()
        self._removed = False
        self._container = client.containers.create(
            NAME,
            COMMAND,
            entrypoint=[],
            user=f"{USER}:{USER}",
            hostname="sandbox",
            environment={"PYTHONHASHSEED": "0"},
            labels={LABEL: this_process()},
            stdin_open=True,
            auto_remove=True,
            log_config={"type": "none"},
            network_mode="none",
            ipc_mode="none",
            read_only=True,
            tmpfs={"/work": f"size={DISK_MB}m,nr_inodes={DISK_FILES},mode=0711,uid={USER},gid={USER}"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=f"{memory_mb}m",
            memswap_limit=f"{memory_mb}m",
            pids_limit=PROCESSES + PROCESSES_BESIDE,
            nano_cpus=1_000_000_000,
            oom_score_adj=1000,
        )
        try:
            attached = self._container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            # The response owns the socket, and would close it.
            self._attached = attached
            self._socket: socket.socket = getattr(attached, "_sock", attached)
            self._output = _Output(self._socket)
            self._stream = io.BufferedReader(self._output)
            self._container.start()
        except BaseException:
            self.remove()
            raise

    def ask(self, task: dict[str, Any]) -> tuple[list[Frame], str]:
        """The frames of a task, and why the container must not be used again: empty if it may."""
        message = marshal.dumps(task, 2)
        self._output.deadline = time.monotonic() + patience(task)
        frames: list[Frame] = []
        try:
            self._socket.settimeout(patience(task))
            self._socket.sendall(len(message).to_bytes(8, "big") + message)
            for frame in frames_of(self._stream):
                if frame.kind == "end":
                    unclean = frames and frames[-1].kind == "unclean"
                    return frames, frame.first or ("a case could not be cleared up" if unclean else "")
                frames.append(frame)
        except TimeoutError:
            return frames, f"no answer in {patience(task):.0f} seconds"
        except (OSError, ValueError) as error:
            return frames, f"it cannot be talked to ({short(error)})"
        return frames, f"it ended early: {self._output.stderr_line() or 'no message'}"

    def is_quiet(self) -> bool:
        """Whether nothing came since it was last asked, not even its end."""
        said = select.poll()
        said.register(self._socket, select.POLLIN)
        return not said.poll(0)

    def remove(self) -> None:
        """End it, whatever it does. Its engine may be gone, or may have removed it before."""
        with self._removing:
            if self._removed:
                return
            self._removed = True
        with suppress(AttributeError, OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(*_engine_errors()):
            knock(self._host)
            self._end()
        with suppress(AttributeError, OSError):
            self._attached.close()
            self._socket.close()

    def _end(self) -> None:
        from docker.errors import APIError

        try:
            self._container.remove(force=True)
        except APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise
            # The engine is at it already, because it ended.
            self._container.wait(condition="removed", timeout=ENGINE_SECONDS)


class _Output(io.RawIOBase):
    """The stdout of an attached container: https://docs.docker.com/reference/api/engine (attach, stream format)."""

    def __init__(self, attached: socket.socket) -> None:
        self._socket = attached
        self._left = 0
        self._stderr = b""
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            header = self._exactly(8)
            if len(header) < 8:
                return 0
            size = int.from_bytes(header[4:], "big")
            if header[0] == 1:
                self._left = size
            else:
                self._stderr = (self._stderr + self._exactly(size))[-4000:]
        chunk = self._receive(min(self._left, len(buffer)))
        self._left -= len(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def stderr_line(self) -> str:
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (chunk := self._receive(size - len(data))):
            data += chunk
        return data

    def _receive(self, size: int) -> bytes:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv(size)


def _is_whole(frames: list[Frame], task: dict[str, Any]) -> bool:
    """Whether every case was told, or those that a new harness can go on after."""
    told = len([frame for frame in frames if frame.kind not in ("cage", "refused", "unclean")])
    return told >= len(task["stdins"]) or (told > 0 and frames[-1].kind == "unclean")


def engine_host() -> str:
    """The address of the engine, as Docker's own client finds it but for contexts."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def open_client() -> Any:
    """A client of the engine that answers and has the image. BadInput says in one line what is missing."""
    import docker

    try:
        knock(engine_host())
        client = docker.from_env(timeout=ENGINE_SECONDS)
    except (docker.errors.DockerException, OSError) as error:
        raise BadInput(_no_engine(error)) from None
    try:
        client.images.get(NAME)
    except docker.errors.ImageNotFound:
        client.close()
        raise BadInput(f"sandbox 'docker': the engine has no image {NAME}; `make sandbox-image` builds it") from None
    except _engine_errors() as error:
        client.close()
        raise BadInput(_no_engine(error)) from None
    return client


def knock(host: str) -> None:
    """OSError where nobody listens on the engine's socket. The SDK finds that out too, and leaves its own one open."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(host.removeprefix("unix://"))


def _no_engine(error: BaseException) -> str:
    return f"sandbox 'docker': no Docker engine answers ({short(error)}); start one, or name it by DOCKER_HOST"


def _remove_orphans(client: Any) -> None:
    """Remove the containers of processes of this machine that have ended, and what stopped of any."""
    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        if container.status in ("exited", "dead") or is_gone(container.labels[LABEL]):
            with suppress(*_engine_errors()):
                container.remove(force=True)


def _engine_errors() -> tuple[type[Exception], ...]:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    return DockerException, RequestException, OSError


def short(error: BaseException) -> str:
    """The last line of what an engine said."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1][:200]
