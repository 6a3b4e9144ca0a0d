"""What runs in the sandbox's process: reads a job, confines itself, forks a child a case, writes a line a case.

`process.py` sends it in compiled, with `confine.py` and the task, and the working directory as the only argument. No
import of this project, and of the standard library only what loads in a millisecond (json, signal, shutil and platform
cost 10 to 30 each, once a job).

In: the fields of `Job`, `namespaces` (whether to try them), `owner` (the process that asks) and `neighbours` (how many
harnesses it runs at a time). Out: frames of one line `kind seconds bytes bytes` and two texts of that many bytes:
`cage` with what confines, or `refused` with why not, then a frame a case whose kind is its status. `unclean` comes
where nothing is empty for the next case: what is left has to run in a new harness.

With a `checker` a case has two processes: the checker, which is forked like any program, and the program, which starts
Python anew, because the memory of a fork would hold what the checker is to read.

The harness forks once and waits; the fork is process 1 of the new process namespace, so that everything that a case
leaves behind becomes its child and dies by `kill(-1)`. Without namespaces a case may not leave its process group
(the system call filter forbids setsid and setpgid) and dies by group.
"""

# ruff: noqa: SIM115 - the program's streams stay open until it ends.

from __future__ import annotations

import os
import select
import sys
import time

TYPE_CHECKING = False  # type checkers know the name; importing typing costs as much as all of the above
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn

    from ot_resources.sandboxes.confine import Cage

    Task = dict[str, Any]

SIGKILL, SIGXCPU = 9, 24
STDERR_TAIL = 4000
# Looked up before there is a root without the environment's links; with the flags of the harness's own Python.
PYTHON = os.path.realpath(sys.executable)
RUN_IT = "exec(compile(open(5, encoding='utf-8', errors='surrogatepass').read(), '<program>', 'exec', 0, True))"
ANEW = ("-s", "-S", "-P", "-B", "-W", "ignore", "-X", "utf8", "-c", RUN_IT)
NOT_RUN = b"not run: an earlier case did not end well"


def main(task: Task, confine: ModuleType) -> int:
    """Fork the one who runs the cases and share his fate."""
    directory = sys.argv[1]
    confine.die_with_parent()
    if os.getppid() != task["owner"]:
        return 1
    number = confine.own_number()
    spaces = task["namespaces"] and confine.enter_namespaces()
    parent = os.getpid()
    runner = os.fork()
    if runner:
        return os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1])
    os.setpgid(0, 0)
    confine.adopt_orphans()
    confine.with_oom_preference()
    cage = confine.Cage(directory, spaces, number, task["neighbours"])
    confine.close_memory()
    cage.clear_up_when_orphaned(parent)
    if cage.refusal:
        answer("refused", cage.refusal.encode())
    else:
        answer("cage", cage.description.encode())
        run_cases(task, cage)
    os._exit(0)


def run_cases(task: Task, cage: Cage) -> None:
    """Every case in order; with `stop_at_failure`, the cases after one that did not end ok are not run."""
    failed = False
    stdins = task["stdins"] = list(task["stdins"])
    for place in range(len(stdins)):
        if failed and task["stop_at_failure"]:
            answer("unavailable", b"", NOT_RUN)
            continue
        if place and not cage.clear():
            answer("unclean", b"")
            return
        status, stdout, stderr, seconds = run_case(task, in_memory(stdins[place]), cage)
        failed = status != "ok"
        answer(status, stdout, stderr, seconds)


def answer(kind: str, first: bytes, second: bytes = b"", seconds: float = 0.0) -> None:
    data = memoryview(b"%s %.4f %d %d\n" % (kind.encode(), seconds, len(first), len(second)) + first + second)
    while data:
        data = data[os.write(1, data) :]


def in_memory(text: str) -> int:
    """A file with `text` that has no name and is read from its start."""
    fd = os.memfd_create("stdin")
    with open(os.dup(fd), "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def run_case(task: Task, stdin_fd: int, cage: Cage) -> tuple[str, bytes, bytes, float]:
    """Run the program on one input in a child of its own; nothing of it is left when this returns."""
    out, err = os.pipe(), os.pipe()
    streams: tuple[int, ...] = (stdin_fd, out[1], err[1])
    start = time.monotonic()
    if task["checker"] is None:
        pid = cage.case = os.fork()
        if pid == 0:
            be_the_program(task, cage, task["source"], streams)
    else:
        there, back = os.pipe(), os.pipe()
        source = in_memory(task["source"])
        pid = cage.case = os.fork()
        if pid == 0:
            be_the_program(task, cage, task["checker"], (*streams, back[0], there[1]))
        cage.group(pid)
        nothing = os.open("/dev/null", os.O_RDWR)
        if os.fork() == 0:
            be_checked(task, cage, (nothing, nothing, nothing, there[0], back[1], source), pid)
        streams += (*there, *back, source, nothing)
    cage.group(pid)
    for fd in streams:
        os.close(fd)
    watch = Watch(pid, out[0], err[0], start + task["seconds"], task["output_kb"] * 1024)
    try:
        ended = watch.wait()
    finally:
        seconds = time.monotonic() - start
        code = cage.kill_all(pid).get(pid, -SIGKILL)
        watch.close()
    return (*outcome(ended, code, watch, task), seconds)


class Watch:
    """Collects what a child writes until it exits, runs out of time or writes too much."""

    def __init__(self, pid: int, out: int, err: int, deadline: float, limit: int) -> None:
        self.pidfd = os.pidfd_open(pid)
        self.out, self.err = out, err
        self.chunks: dict[int, list[bytes]] = {out: [], err: []}
        self.sizes = {out: 0, err: 0}
        self.deadline, self.limit = deadline, limit
        self.poll = select.poll()
        for fd in (self.pidfd, out, err):
            self.poll.register(fd, select.POLLIN)
        for fd in (out, err):
            os.set_blocking(fd, False)

    def wait(self) -> str:
        """How it ended: exit, timeout or flood."""
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                return "timeout"
            ready = {fd for fd, _ in self.poll.poll(left * 1000 + 1)}
            for fd in ready - {self.pidfd}:
                self.read(fd)
            if max(self.sizes.values()) > self.limit:
                return "flood"
            if self.pidfd in ready:
                return "flood" if self.drain() else "exit"

    def read(self, fd: int) -> bool:
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self.poll.unregister(fd)
            return False
        self.sizes[fd] += len(chunk)
        self.chunks[fd].append(chunk)
        return True

    def drain(self) -> bool:
        """What was in the pipes when the child exited; True when that was too much."""
        for fd in (self.out, self.err):
            while self.sizes[fd] <= self.limit:
                try:
                    chunk = os.read(fd, 65536)
                except BlockingIOError:
                    break
                if not chunk:
                    break
                self.sizes[fd] += len(chunk)
                self.chunks[fd].append(chunk)
        return max(self.sizes.values()) > self.limit

    def bytes(self, fd: int) -> bytes:
        return b"".join(self.chunks[fd])[: self.limit]

    def close(self) -> None:
        for fd in (self.pidfd, self.out, self.err):
            os.close(fd)


def outcome(ended: str, code: int, watch: Watch, task: Task) -> tuple[str, bytes, bytes]:
    """Status, stdout and stderr of a case; only an exit with code 0 is ok."""
    stderr = tail(watch.bytes(watch.err))
    status, why = "ok" if ended == "exit" and code == 0 else "failed", ""
    if ended == "timeout" or code == -SIGXCPU:
        status, why = "timeout", f"stopped after {task['seconds']:g} seconds"
    elif ended == "flood":
        why = f"stopped: more than {task['output_kb']} KB of output"
    elif code < 0:
        why = f"killed by signal {-code}"
    elif code and stderr.rpartition(b"\n")[2].startswith(b"MemoryError"):
        status, why = "memory", f"stopped: more than {task['memory_mb']} MB of memory"
    elif code and not stderr:
        why = f"exit code {code}"
    return status, watch.bytes(watch.out), (stderr + b"\n" + why.encode()).strip()


def tail(text: bytes) -> bytes:
    text = text.strip()
    return text if len(text) <= STDERR_TAIL else text[-STDERR_TAIL:].partition(b"\n")[2] or text[-STDERR_TAIL:]


def be_the_program(task: Task, cage: Cage, source: str, fds: tuple[int, ...]) -> NoReturn:
    """In the child: take the streams, give up every right, run the source as `__main__`. Never returns."""
    code = 1
    try:
        take(fds)
        # Inputs are not to be found in the frames below the program.
        task["stdins"].clear()
        cage.lock_down(task["seconds"], task["memory_mb"])
        sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
        vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr, argv=["program.py"])
        code = run_source(source)
    except MemoryError:
        os.write(2, b"\nMemoryError\n")
    except BaseException as error:
        os.write(2, f"\n{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
    finally:
        os._exit(code)


def be_checked(task: Task, cage: Cage, fds: tuple[int, ...], group: int) -> NoReturn:
    """In the child: as `be_the_program`, in a Python that is started anew. Its source is the last of `fds`."""
    try:
        take(fds)
        cage.lock_down(task["seconds"], task["memory_mb"], group)
        os.execve(PYTHON, [PYTHON, *ANEW], dict(os.environ))
    finally:
        os._exit(1)


def take(fds: tuple[int, ...]) -> None:
    """Make `fds` the file descriptors 0, 1, 2 ... and close all others. All were opened above 2, in this order or so:
    none lies where an earlier one goes to."""
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    os.closerange(len(fds), 1024)


def run_source(source: str) -> int:
    """Exit code of the program, with what Python does at exit done: threads joined, atexit, streams flushed."""
    program = sys.modules["__main__"] = type(sys)("__main__")
    code = 0
    try:
        exec(compile(source, "<program>", "exec", 0, True), program.__dict__)
    except SystemExit as error:
        code = exit_code(error)
    except BaseException as error:
        show(error)
        code = 1
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()
    # A program that closed its stdout has nothing to flush.
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()
    return code


def exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    os.write(2, f"{error.code}\n".encode("utf-8", "replace"))
    return 1


def show(error: BaseException) -> None:
    import traceback

    frames = error.__traceback__.tb_next if error.__traceback__ else None
    text = "".join(traceback.format_exception(type(error), error, frames, limit=-8))
    os.write(2, text[-STDERR_TAIL:].encode("utf-8", "replace"))
