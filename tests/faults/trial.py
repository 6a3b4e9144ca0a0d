"""Runs of `ot` in processes of their own, forked from one that has everything imported and so begins at once.

What a run does is noted line by line, with the time: `ask KEY` a request that the engine gets, `answer KEY` its
completion, `step KIND` what `moments.py` counts.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from tests.cli.running import environment
from tests.faults.moments import Moment, Watch

# So many requests are with the engine at the same time: one batch, where there are two and a bit to answer.
CONCURRENCY = 64
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.preload", "tests.faults.trial"])


@dataclass
class Trial:
    """A run that was started; `folder` has what it said and did."""

    process: ForkServerProcess
    folder: Path
    began: float
    seconds: float = 0.0

    def end(self, seconds: float = 240.0) -> int:
        """Wait for it; its exit code, or the signal's number below zero."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(f"it did not end in {seconds:g} s: {self.said}")
        self.seconds = time.monotonic() - self.began
        return self.process.exitcode

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    @property
    def asked(self) -> list[str]:
        return self._notes("ask")

    @property
    def answered(self) -> list[str]:
        return self._notes("answer")

    @property
    def steps(self) -> Counter[str]:
        return Counter(self._notes("step"))

    @property
    def asking(self) -> tuple[float, float]:
        """When the first request went to the engine, and when the last was answered."""
        times = [float(at) for at, noted, _ in self._lines() if noted in ("ask", "answer")]
        return min(times), max(times)

    def _notes(self, word: str) -> list[str]:
        return [what for _, noted, what in self._lines() if noted == word]

    def _lines(self) -> list[list[str]]:
        return [line.split(" ") for line in (self.folder / "notes").read_text().splitlines()]


def start(data: Path, folder: Path, *arguments: str, moment: Moment | None = None, **more: str) -> Trial:
    """Begin `ot` with these arguments; notes go to `folder`."""
    folder.mkdir(parents=True)
    for name in ("said", "notes"):
        (folder / name).touch()
    process = _FORKS.Process(target=_run, args=(folder, environment(data, **more), arguments, moment))
    process.start()
    return Trial(process, folder, time.monotonic())


def _run(folder: Path, surroundings: dict[str, str], arguments: tuple[str, ...], moment: Moment | None) -> None:
    os.environ.clear()
    os.environ.update(surroundings)
    said = os.open(folder / "said", os.O_WRONLY | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    write, notes = os.write, os.open(folder / "notes", os.O_WRONLY | os.O_APPEND)

    def note(line: str) -> None:
        write(notes, f"{time.monotonic()} {line}\n".encode())

    _note_asking(note)
    Watch(note, moment).begin()
    from ot_assets.cli.main import main

    sys.argv[1:] = arguments
    main()


def _note_asking(note: Any) -> None:
    from ot_resources.generators.embedded import EmbeddedEngine
    from ot_resources.generators.engine import request_key

    answer = EmbeddedEngine.answer

    async def noted(self: EmbeddedEngine, request: Any, seed: int) -> Any:
        key = request_key(self.model, request)
        note(f"ask {key}")
        completion = await answer(self, request, seed)
        note(f"answer {key}")
        return completion

    EmbeddedEngine.answer = noted  # type: ignore[method-assign]
    EmbeddedEngine.concurrency = CONCURRENCY
