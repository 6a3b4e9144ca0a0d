"""Dagster's event log, relaxed: still followed live, and still whole for other processes."""

from __future__ import annotations

import subprocess
import sys
import time

import dagster as dg

from ot_resources.event_log import flush_at_checkpoints


def test_a_run_can_be_followed_while_it_goes_on(tmp_path):
    """The UI is told of an event when it is written, not when the next checkpoint comes."""
    flush_at_checkpoints()
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys, time, dagster as dg\n"
        "seen = []\n"
        f"instance = dg.DagsterInstance.local_temp({str(home)!r})\n"
        "instance.event_log_storage.watch('followed', None, lambda entry, _: seen.append(entry.user_message))\n"
        "print('watching', flush=True)\n"
        "sys.stdin.readline()\n"
        "until = time.monotonic() + 20\n"
        "while len(seen) < 3 and time.monotonic() < until: time.sleep(0.05)\n"
        "print(seen, flush=True)\n"
    )
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        log(instance, "before")
        follower = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert follower.stdout
        assert follower.stdout.readline() == "watching\n"
        for message in ("one", "two"):
            time.sleep(0.5)
            log(instance, message)
        seen, _ = follower.communicate("\n")
    assert seen.strip() == "['before', 'one', 'two']"


def log(instance: dg.DagsterInstance, message: str) -> None:
    instance.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            level=20,
            user_message=message,
            run_id="followed",
            timestamp=time.time(),
            step_key=None,
            job_name="job",
            dagster_event=None,
        )
    )
