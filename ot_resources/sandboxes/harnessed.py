"""What every sandbox has that runs `harness.py` somewhere: jobs in parallel, results in order, frames read.

A subclass says where: `_harness` gives one task to one harness and returns what that answered.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any, BinaryIO, NamedTuple, Self

from ot_resources.interfaces import Execution, ExecutionStatus, Job

# What starting, confining and clearing up may take on a busy machine, beyond the cases' own seconds.
SLACK_SECONDS = 30.0
SLACK_SECONDS_A_CASE = 1.0


class Frame(NamedTuple):
    kind: str
    seconds: float
    first: str
    second: str


class HarnessSandbox(ABC):
    """Runs jobs in parallel, `workers` at a time (default: one a core), and yields their results in order.

    `confinement` says what holds the programs on this machine.
    """

    name: str
    confinement: str

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or os.cpu_count() or 1
        self._closed = threading.Event()

    @abstractmethod
    def close(self) -> None:
        """Kill what still runs."""

    @abstractmethod
    def _kill(self, runs: list[threading.Event]) -> None:
        """End the harnesses that work for one of these runs."""

    @abstractmethod
    def _harness(self, task: dict[str, Any], stopped: threading.Event) -> tuple[list[Frame], str]:
        """What one harness answered, and why it ended if that was early. Nothing is left of it afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        why = refused[0] if refused else f"the sandbox ended early: {last_line(stderr)}"
        missing = Execution(ExecutionStatus.UNAVAILABLE, "", why, 0.0)
        return tuple(executions + [missing] * (len(job.stdins) - len(executions)))


def patience(task: dict[str, Any]) -> float:
    """Seconds after which a harness that has not answered is given up."""
    return SLACK_SECONDS + len(task["stdins"]) * (float(task["seconds"]) + SLACK_SECONDS_A_CASE)


def frames_of(stream: BinaryIO) -> Iterator[Frame]:
    """Cut the harness's answer into frames; one that is torn, because the harness was killed, is left out."""
    while (head := stream.readline()).endswith(b"\n"):
        kind, seconds, first, second = head.decode("ascii", "replace").split(" ")
        texts = stream.read(int(first)), stream.read(int(second))
        if (len(texts[0]), len(texts[1])) != (int(first), int(second)):
            return
        yield Frame(kind, float(seconds), *(text.decode("utf-8", "replace") for text in texts))


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
