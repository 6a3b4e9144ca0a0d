"""A study that is killed (SIGKILL) while a student is trained, and again while it is asked.

The same command goes on from there, and comes to the same scoreboard.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ot_resources.store import Store
from tests.ablations.small import study, write_study
from tests.cli.running import COMMAND, environment, ot
from tests.conftest import PROJECT
from tests.faults.samples import stored

_QUESTIONS = PROJECT / "data" / "study" / "held_out_dev.parquet"
_SECONDS = 240.0
# Some dozen steps beyond the first checkpoint, which comes after 50; and several batches of answers.
_EPOCHS, _TOKENS = 25, 32


def write(folder: Path) -> Path:
    """A study of one variant: what is killed is one training, and one student's answers."""
    body = study() | {
        "variants": {"everything": {"filter": {"use": "none", "reason": "the only one"}, "select": "all"}},
        "student": {"preset": "micro", "epochs": _EPOCHS, "batch": 4, "context": 128},
        "benchmarks": {
            "dev": [
                {"path": str(_QUESTIONS), "id": "asked", "key": "id", "question": "question", "reference": "reference"}
            ]
        },
        "evaluation": {"max_tokens": _TOKENS},
    }
    return write_study(folder, body)


def killed(data: Path, file: Path, when: Callable[[], bool]) -> None:
    """Begin the study, and kill it once something is so."""
    process = subprocess.Popen(
        [*COMMAND, "materialize", str(file)],
        cwd=PROJECT,
        env=environment(data),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + _SECONDS
    try:
        while not when():
            assert process.poll() is None, "it came to its end before it could be killed"
            assert time.monotonic() < until, "it never came so far"
            time.sleep(0.02)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL


def board(data: Path) -> str:
    version = Store(root=str(data)).latest(("small_study", "scoreboard"))
    assert version is not None
    return version.version


def test_a_study_that_is_killed_comes_to_the_same_scoreboard(tmp_path):
    file, data, calm = write(tmp_path), tmp_path / "data", tmp_path / "calm"
    students = data / "students"
    killed(data, file, lambda: any(students.glob(".*/checkpoints/checkpoint-*")))
    assert not list(students.glob("[0-9a-f]*/trained.json"))
    killed(data, file, lambda: (data / "ledger" / "segments").exists() and len(stored(data)) > 0)
    (student,) = students.glob("[0-9a-f]*/trained.json")
    before = student.read_bytes()
    kept = set(stored(data))
    assert 0 < len(kept) < 400

    resumed = ot(data, "materialize", str(file))
    assert resumed.returncode == 0, resumed.stderr
    assert student.read_bytes() == before
    keys = stored(data)
    assert len(keys) == len(set(keys)) == 400
    assert kept < set(keys)

    undisturbed = ot(calm, "materialize", str(file))
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert sorted(stored(calm)) == sorted(keys)
    assert board(data) == board(calm)
