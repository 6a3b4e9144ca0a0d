"""A page of documentation of which a measurement writes one section, with the day and the machine."""

from __future__ import annotations

import platform
import re
import subprocess
from datetime import date
from pathlib import Path


def measured_on() -> str:
    """The day, the machine and the versions, in one line."""
    lines = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout.splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    processor = found.get("Model name", platform.machine()).strip()
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "?"
    cores = found.get("CPU(s)", "?").strip()
    return f"{date.today()}, {processor}, {cores} cores, Python {platform.python_version()}, ours at commit {commit}."


def put(page: Path, heading: str, text: str) -> None:
    """Replace the section `## heading` of the page, or add it at the end."""
    section = f"## {heading}\n\n{measured_on()}\n\n{text.strip()}\n"
    old = page.read_text() if page.exists() else ""
    pattern = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(old):
        new = pattern.sub(lambda match: section + ("\n" if match.end() < len(old) else ""), old)
    else:
        new = f"{old.rstrip()}\n\n{section}" if old else section
    page.write_text(new)
