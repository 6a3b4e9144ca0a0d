"""Names for what is being written, and an end for what a killed process left under such a name.

What takes the place of something is written beside it, under a name that says whose it is, and renamed when whole.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import uuid
from pathlib import Path

from ot_resources.processes import is_alive

# Process numbers mean something on their own host only; several may share a store.
_HOST = re.sub(r"[^A-Za-z0-9]", "", platform.node()) or "host"


def owned(name: str) -> str:
    """A name of this process's own, that tells what it is for."""
    return f"{os.getpid()}-{_HOST}-{uuid.uuid4().hex}-{name}"


def beside(path: Path) -> Path:
    """A name for what is to take the place of `path` in one step; what killed processes left under such names goes."""
    sweep(path.parent, ".")
    return path.with_name(f".{owned(path.name)}")


def write_whole(path: Path, text: str) -> None:
    """The text in the place of what `path` holds, in one step: nobody meets half of it."""
    temporary = beside(path)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def sweep(folder: Path, hidden: str = "") -> None:
    """Remove what killed processes left behind."""
    for left in folder.glob(f"{hidden}[0-9]*-{_HOST}-*"):
        pid = left.name.removeprefix(hidden).split("-")[0]
        if pid.isdecimal() and not is_alive(int(pid)):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):  # gone already, or another person's
                    left.unlink()
