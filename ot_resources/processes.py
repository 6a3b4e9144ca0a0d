"""Which process executes a run, told in a way that another process of the same machine can check."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def this_process() -> str:
    """This process as `host:number:start`; numbers are given out again, starts are not."""
    return f"{platform.node()}:{os.getpid()}:{_start(os.getpid())}"


def is_gone(process: str) -> bool:
    """Whether a process of this machine has ended. What another machine's does cannot be told: False."""
    host, number, start = ["", "", "", *process.rsplit(":", 2)][-3:]
    if host != platform.node() or not number.isdecimal():
        return False
    return not is_alive(int(number)) or _stat(int(number))[:1] == ["Z"] or _start(int(number)) != start


def is_alive(number: int) -> bool:
    """Whether some process has this number now."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start(number: int) -> str:
    """When a process began, in ticks since the machine did; empty where the system does not tell."""
    return next(iter(_stat(number)[19:]), "")


def _stat(number: int) -> list[str]:
    """What the system says of a process, from its state on: Z is one that has ended and was not collected."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
