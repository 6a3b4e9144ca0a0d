"""Processes that write to a file instead of the terminal, and that never outlive the one that started them.

A process that is killed with SIGKILL cannot end its children, and the kernel's own way (PR_SET_PDEATHSIG) looks at the
thread that started them, not at the process. So each gets a watcher, a process that waits for the end of either.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from ot_resources.interfaces import BadInput

# It keeps none of the files that it was born with: others wait for their end to learn that the process has died.
# A process that leads a group of its own takes the whole group with it.
_WATCHER = """
import os, select, signal, sys
os.setsid()
os.closerange(3, min(os.sysconf("SC_OPEN_MAX"), 1 << 20))
pid = int(sys.argv[1])
try:
    leads = os.getpgid(pid) == pid
    me = os.pidfd_open(pid)
except ProcessLookupError:
    sys.exit()
try:
    ended = select.select([me, os.pidfd_open(int(sys.argv[2]))], [], [])[0]
except ProcessLookupError:
    ended = []
try:
    if leads:
        os.killpg(pid, signal.SIGKILL)
    elif me not in ended:
        signal.pidfd_send_signal(me, signal.SIGKILL)
except ProcessLookupError:
    pass
"""
_PROGRAM = """#!/bin/sh
[ -e {log} ] || exit 1
echo $$ >>{pids}
exec >>{log} 2>&1 </dev/null
{python} -ISc {watcher} $$ $PPID &
exec {python} "$@"
"""
# A line of a log that ends a traceback, with the marks that vLLM puts before it.
_RAISED = re.compile(
    r"^(?:\([^)]*\) )?(?:ERROR [^\]]*\] )?((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt)): (\S.*)$"
)
# These only say that another process has said why.
_HEARSAY = ("stack trace", "root cause", "initialization failed", "EngineCore encountered", "EngineDeadError")
# Where pydantic says what was wrong, below the line that only counts the errors.
_INVALID = re.compile(r"^(?:\([^)]*\) )?\s+Value error, (\S.*?)(?: \[type=.*)?$")
_LONGEST = 400
# Of the name of the folder for temporary files: below it vLLM opens a socket with a name of 36 characters, and the
# kernel takes 107 in all.
_ROOM = 107 - 36 - 1


class Tether:
    """A folder with a log, and `program`: an executable that is this Python, tethered. BadInput: it cannot be run."""

    def __init__(self, name: str) -> None:
        if len(tempfile.gettempdir()) > _ROOM:
            raise BadInput(f"{tempfile.gettempdir()} is too long for sockets: set TMPDIR to at most {_ROOM} characters")
        self.folder = Path(tempfile.mkdtemp(prefix=f"ot-{name}-"))
        self.log = self.folder / "log.txt"
        self.log.touch(mode=0o600)
        self.program = self.folder / "python"
        self._pids = self.folder / "pids"
        words = {"log": str(self.log), "pids": str(self._pids), "python": sys.executable, "watcher": _WATCHER}
        self.program.write_text(_PROGRAM.format(**{name: shlex.quote(word) for name, word in words.items()}))
        self.program.chmod(0o700)
        if not os.access(self.program, os.X_OK):
            self.remove()
            raise BadInput(f"programs cannot be started from {tempfile.gettempdir()}: set TMPDIR to another folder")

    def why(self) -> str:
        """The last error in the log that says something of its own, and where the log is; in one line."""
        told = ""
        for line in self.log.read_text(errors="replace").splitlines():
            match = _RAISED.match(line)
            if match and not any(hearsay in line for hearsay in _HEARSAY):
                told = f"{match[1].rpartition('.')[2]}: {match[2]}"
            elif invalid := _INVALID.match(line):
                told = f"ValueError: {invalid[1]}"
        told = told if len(told) <= _LONGEST else told[:_LONGEST] + "..."
        return f"{told or 'it did not say why'} (log: {self.log})"

    def cut(self) -> None:
        """Kill what was started, let nothing more start, and remove the log."""
        self.log.unlink(missing_ok=True)
        started = self._pids.read_text().split() if self._pids.exists() else []
        for pid in map(int, started):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.remove()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
