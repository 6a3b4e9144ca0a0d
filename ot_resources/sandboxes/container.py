"""Process 1 of a container of the docker sandbox: one task after the other, each in a fork that reads it and runs it.

`docker.py` starts it with the sources of `confine.py`, `harness.py` and this file as arguments, so that an image never
holds an old one. In, on stdin: for each task 8 bytes of length and the fields of `Job`, marshalled. Out, on stdout: the
frames of `harness.py`, then `end`, whose text says what was wrong with the container, if anything was.

Process 1 never reads a task, so nothing of one is left in memory for the programs of the next. It kills whatever the
fork leaves (it may kill all but itself), and empties the folder of the cases.
"""

from __future__ import annotations

import marshal
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

WORK = "/work"
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
SIGKILL = 9
# Programs import these most, and every fork has what is loaded here. None draws random numbers when it is loaded.
LOADED = "bisect collections functools heapq itertools json math operator re string typing"
LAST = 99


def main(confine: ModuleType, harness: ModuleType) -> int:
    """Until stdin ends, which it does with the process that attached to it."""
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    for name in LOADED.split():
        __import__(name)
    confine.close_memory()
    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    while True:
        waiting.poll()
        runner = os.fork()
        if runner == 0:
            run_task(confine, harness)
        code = os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1])
        if code == LAST:
            return 0
        wrong = clear_up(confine)
        if code:
            wrong = f"its runner ended with code {code}"
        harness.answer("end", wrong.encode())


def run_task(confine: ModuleType, harness: ModuleType) -> NoReturn:
    """In the fork: read a task, run its cases. Never returns."""
    code = 1
    try:
        size = exactly(8)
        if len(size) < 8:
            os._exit(LAST)
        task = marshal.loads(exactly(int.from_bytes(size, "big")))
        confine.adopt_orphans()
        cage = confine.Cage(WORK, namespaces=False, container=True)
        if cage.refusal:
            harness.answer("refused", cage.refusal.encode())
        else:
            harness.answer("cage", cage.description.encode())
            harness.run_cases(task, cage)
        code = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
    finally:
        os._exit(code)


def exactly(size: int) -> bytes:
    """So many bytes of stdin, or what is left of it."""
    chunks, missing = [], size
    while missing and (chunk := os.read(0, min(missing, 1 << 20))):
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


def clear_up(confine: ModuleType) -> str:
    """Leave no process but this one and no file; what could not be done, else an empty text."""
    try:
        os.kill(-1, SIGKILL)
        wrong = "a process was left"
        while True:
            os.waitpid(-1, 0)
    except ProcessLookupError:
        wrong = ""
    except ChildProcessError:
        pass
    os.chdir("/")
    for name in os.listdir(WORK):
        if not confine.remove_tree(os.path.join(WORK, name)):
            wrong = "a file could not be removed"
    return wrong
