"""The `ot` command, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

COMMAND = [sys.executable, "-m", "ot_assets.cli.main"]


def environment(data: Path, **more: str) -> dict[str, str]:
    """The shell's environment with nothing of ours in it but the data root and `more`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OT_", "DAGSTER_"))}
    return inherited | {"OT_DATA": str(data), "OT_ENV": "local"} | more


def ot(data: Path, *arguments: str, stdin: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `ot` to its end in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=environment(data, **more),
        input=stdin,
        timeout=1500,
    )
