"""A training that is killed goes on from its checkpoint, and comes to the same weights to the bit."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from ot_resources.interfaces import Training
from ot_resources.students.models import Models
from ot_resources.students.spec import RECORD, Spec
from ot_resources.students.train import WHOLE
from tests.students.base import TINY, models, rows, weights

# Epochs of 10 steps, so that a kill falls into any of them, and a checkpoint every 7 steps.
LONGER = replace(TINY, epochs=6, batch=4)
EVERY = 7
PROJECT = Path(__file__).parents[2]
KILLS = int(os.environ.get("OT_KILLS", "1"))


@pytest.fixture(scope="module")
def uninterrupted(small, tmp_path_factory) -> tuple[Models, str]:
    at = models(tmp_path_factory.mktemp("whole"), small, every=EVERY)
    (student,) = at.train(rows(), LONGER, [0])
    return at, student.student


def prepared(at: Models, training: Training = LONGER) -> Spec:
    """A training with all that its process needs, not started."""
    return at.prepare(rows(), training, 0)


def start(spec: Spec) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ot_resources.students.train", str(spec.work / "spec.json")]
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=PROJECT, env=os.environ | threads,
    )  # fmt: skip


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def wait_for(what, process: subprocess.Popen[bytes], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert process.poll() is None and time.monotonic() < until, "it ended, or took too long"
        time.sleep(0.01)


def checkpoints(spec: Spec) -> list[Path]:
    return sorted(path.parent for path in (spec.work / "checkpoints").glob(f"checkpoint-*/{WHOLE}"))


def test_killed_at_any_moment_it_comes_to_the_same_weights(uninterrupted, small, tmp_path):
    whole, student = uninterrupted
    at, rng = models(tmp_path, small, every=EVERY), Random(os.environ.get("OT_SEED", "7"))
    spec = prepared(at)
    for _ in range(KILLS):
        before = checkpoints(spec)
        process = start(spec)
        # past the next checkpoint by some steps, or in the middle of one
        wait_for(lambda: checkpoints(spec) != before or spec.out.exists(), process)  # noqa: B023
        time.sleep(rng.random() * 0.3)
        kill(process)
    # the last one was cut off: it must not be read, and what it was is trained again
    last = checkpoints(spec)[-1]
    (last / WHOLE).unlink()
    (last / "optimizer.pt").write_bytes(b"cut")
    (again,) = at.train(rows(), LONGER, [0])
    assert again.student == student and again.error is None
    assert weights(at, student) == weights(whole, student)
    assert replace(again, seconds=0) == replace(next(whole.train(rows(), LONGER, [0])), seconds=0)
    assert not spec.work.exists()


def test_a_training_ends_with_the_process_that_asked_for_it(small, tmp_path):
    at = models(tmp_path, small)
    spec = prepared(at, replace(LONGER, epochs=10_000))
    script = (
        "import sys, time, subprocess\n"
        f"told = [sys.executable, '-m', 'ot_resources.students.train', {str(spec.work / 'spec.json')!r}]\n"
        "quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}\n"
        "child = subprocess.Popen(told, stdin=subprocess.PIPE, **quiet)\n"
        "print(child.pid, flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_for(lambda: checkpoints(spec), parent)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split():
        assert time.monotonic() < until, "it goes on"
        time.sleep(0.05)


def test_whoever_stops_asking_ends_the_training(small, tmp_path):
    at = models(tmp_path, small, every=EVERY)
    endless = replace(LONGER, epochs=10_000)
    spec = prepared(at, endless)

    def interrupt() -> None:
        while not checkpoints(spec):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=interrupt, daemon=True).start()
    with closing(at.train(rows(), endless, [0])) as students, pytest.raises(KeyboardInterrupt):
        next(students)
    with spec.lock.open() as lock:  # free: nobody trains there any more
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert checkpoints(spec) and not (spec.out / RECORD).exists()


def test_two_runs_do_not_train_in_the_same_folder_at_once(uninterrupted, small, tmp_path):
    whole, student = uninterrupted
    at = models(tmp_path, small, every=EVERY)
    spec = prepared(at)
    processes = [start(spec), start(spec)]
    assert [process.wait(240) for process in processes] == [0, 0]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    assert weights(at, student) == weights(whole, student)
    assert not spec.work.exists()
