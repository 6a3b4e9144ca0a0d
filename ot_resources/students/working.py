"""Trainings in processes of their own: several at a time, ended with the one that asked for them."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ot_resources.generators import residents
from ot_resources.interfaces import BadInput, Trained
from ot_resources.students import is_folder
from ot_resources.students.spec import RECORD, Spec, record

log = logging.getLogger("ot.stage")
live = logging.getLogger("ot.progress")

_TELL_SECONDS = 30.0
_LONGEST = 400
_SECRET = re.compile(r"(?:_KEY|_TOKEN|_SECRET|_PASSWORD)$", re.IGNORECASE)
_OF_THE_HUB = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


class TrainingFailed(RuntimeError):
    """A training's process ended without a student, and not because of its loss."""


def trained(specs: Sequence[Spec], at_once: int, asset: str) -> Generator[Trained, None, None]:
    """What came of each training, in their order. BadInput: a base that cannot be trained; TrainingFailed.

    Whatever ends this, an interrupt too, ends the processes. They go on from their checkpoints next time.
    """
    crew = _Crew(asset)
    pool = ThreadPoolExecutor(max(1, at_once), thread_name_prefix="student")
    refused = False
    try:
        results: list[Future[Trained]] = [pool.submit(crew.run, spec) for spec in specs]
        for result in results:
            while not result.done():  # short waits, so that an interrupt is heard
                threading.Event().wait(0.2)
            try:
                made = result.result()
            except BadInput:
                refused = True
                raise
            yield made
    finally:
        crew.end()
        pool.shutdown(wait=True, cancel_futures=True)
        if refused:
            _forget(specs)


def _forget(specs: Sequence[Spec]) -> None:
    """Remove what was made ready for a base that cannot be trained; where it was trained before, that is kept."""
    for spec in specs:
        if not any((spec.work / "checkpoints").glob("checkpoint-*")):
            shutil.rmtree(spec.work, ignore_errors=True)


class _Crew:
    """The processes of one stage."""

    def __init__(self, asset: str) -> None:
        self._asset = asset
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._ended = False

    def run(self, spec: Spec) -> Trained:
        """Start one training and follow it to its end."""
        told = spec.work / "log.txt"
        with told.open("a") as file, self._lock:
            if self._ended:
                raise TrainingFailed(f"{self._asset}: not started any more")
            process = subprocess.Popen(
                [sys.executable, "-m", "ot_resources.students.train", str(spec.work / "spec.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=_surroundings(on_the_hub=not is_folder(spec.base)),
                cwd=Path(__file__).parents[2],
                start_new_session=True,  # an interrupt of the terminal is ours to pass on
            )
            self._running.add(process)
        try:
            refused = self._follow(process, spec)
            code = process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
            for end in (process.stdin, process.stdout):
                if end is not None:
                    end.close()
        if refused:
            raise BadInput(refused)
        if code or not (spec.out / RECORD).exists():
            raise TrainingFailed(
                f"{self._asset}: seed {spec.seed}: the training ended with {code}: {_last_words(told)}"
            )
        return record(spec.out)

    def end(self) -> None:
        """Kill what still runs, and start nothing more."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.kill()

    def _follow(self, process: subprocess.Popen[str], spec: Spec) -> str:
        """Tell how it goes until it ends; why it refused the base, or nothing."""
        refused, told = "", time.monotonic()
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            refused = said.get("refused", refused)
            if "step" in said:
                word = (
                    f"{self._asset}: seed {spec.seed}: step {said['step']:,}/{said['steps']:,},"
                    f" loss {said['loss']:.4f}, {said['rate']:,} tokens/s"
                )
                live.info("%s", word)
                if time.monotonic() - told >= _TELL_SECONDS:
                    told = time.monotonic()
                    log.info("%s", word)
        return refused


def make_room() -> None:
    """Models that nobody asks give back their memory before a training wants it."""
    residents.release()


def _surroundings(on_the_hub: bool) -> dict[str, str]:
    """One thread: sums do not depend on how many cores there are, and trainings run side by side. No secrets, but for
    the Hub's where the base is there."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not _SECRET.search(name) or (on_the_hub and name in _OF_THE_HUB)
    }
    ours = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
    return kept | ours | {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


def _last_words(log_file: Path) -> str:
    told = log_file.read_text(errors="replace") if log_file.exists() else ""
    lines = [line for line in told.splitlines() if line.strip()]
    last = lines[-1] if lines else "it did not say why"
    return f"{last[:_LONGEST]} (log: {log_file})"
