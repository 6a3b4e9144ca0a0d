from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ot_resources.generators.tether import Tether
from ot_resources.interfaces import BadInput
from tests.conftest import PROJECT
from tests.engines.running import gone

# A process with a child of its own; both say who they are and wait.
CHILD = """
import os, subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), other.pid, flush=True)
print("and this is an error", file=sys.stderr, flush=True)
time.sleep(600)
"""
RUN = f"""
import subprocess, sys, time, threading
from ot_resources.generators.tether import Tether

def start():
    subprocess.Popen([Tether("test").program, "-c", {CHILD!r}], start_new_session="group" in sys.argv)

thread = threading.Thread(target=start)  # which has ended long before the run has
thread.start()
thread.join()
time.sleep(600)
"""


def started(folder: Path) -> list[int]:
    """The process and its child, once they have said who they are."""
    for _ in range(600):
        logs = [file.read_text().splitlines() for file in folder.glob("*/log.txt")]
        if logs and logs[0]:
            return [int(pid) for pid in logs[0][0].split()]
        time.sleep(0.1)
    pytest.fail("it did not start")


@pytest.mark.parametrize("way", ["alone", "group"])
def test_nothing_outlives_a_killed_run(scratch, way):
    run = subprocess.Popen([sys.executable, "-c", RUN, way], cwd=PROJECT, stderr=subprocess.PIPE)
    process, child = started(scratch)
    try:
        assert not gone({process}, 1.5)
        run.kill()
        assert run.communicate()[1] == b""  # what it says is in the log
        assert gone({process}, 5.0)
        # a group goes as a whole; else the child is its parent's to end, as vLLM's workers are
        assert gone({child}, 3.0) == (way == "group")
    finally:
        run.kill()
        for pid in (process, child):
            if not gone({pid}, 0.0):
                os.kill(pid, signal.SIGKILL)


def test_a_group_is_ended_when_the_first_of_it_dies(scratch):
    tether = Tether("test")
    run = subprocess.Popen([tether.program, "-c", CHILD], start_new_session=True)
    process, child = started(scratch)
    assert process == run.pid
    run.kill()
    run.wait()
    assert gone({child}, 5.0)


def test_cut_ends_what_has_started_and_leaves_nothing(scratch):
    tether = Tether("test")
    run = subprocess.Popen([tether.program, "-c", CHILD], start_new_session=True)
    started(scratch)
    tether.cut()
    assert run.wait(5) == -signal.SIGKILL
    assert list(scratch.iterdir()) == []


LOG = """
(EngineCore pid=7) ERROR 11-26 00:25:57 [core.py:1512] Traceback (most recent call last):
(Worker pid=9) ERROR 11-26 00:25:57 [worker.py:2] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.
(EngineCore pid=7) ERROR 11-26 00:25:57 [core.py:1512] Exception: WorkerProc initialization failed due to an exception.
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


def test_a_log_is_told_in_one_line(scratch):
    tether = Tether("test")
    assert "did not say why" in tether.why()
    tether.log.write_text(LOG)
    why = tether.why()
    assert why.startswith("OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.")
    assert str(tether.log) in why
    assert "\n" not in why


def test_of_pydantics_errors_it_is_what_they_say(scratch):
    tether = Tether("test")
    tether.log.write_text(
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
        "  Value error, Model architectures ['NoSuchModel'] are not supported. [type=value_error, input_value=x]\n"
        "    For further information visit https://errors.pydantic.dev/2.13/v/value_error\n"
    )
    said = "ValueError: Model architectures ['NoSuchModel'] are not supported. (log: "
    assert tether.why().startswith(said)


def test_a_folder_whose_name_is_too_long_for_sockets_is_told_in_one_line(scratch, monkeypatch):
    folder = scratch / ("x" * 80)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with pytest.raises(BadInput, match="too long for sockets: set TMPDIR to at most 70 characters"):
        Tether("test")
    assert list(folder.iterdir()) == []
