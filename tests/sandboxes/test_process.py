"""Hostile and clumsy programs in the process sandbox: each ends in the right status, and nothing is left of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ot_resources.interfaces import BadInput, Execution, ExecutionStatus, Job, Sandbox
from ot_resources.sandboxes import open_sandbox, process
from ot_resources.sandboxes.confine import Cage, remove_tree
from ot_resources.sandboxes.process import ProcessSandbox
from tests.conftest import require


@pytest.fixture(scope="module", params=[True, False], ids=["namespaces", "no-namespaces"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[ProcessSandbox]:
    with ProcessSandbox(namespaces=request.param) as opened:
        if request.param:
            need_namespaces(opened)
        else:
            assert "namespaces" not in opened.confinement and "landlock" in opened.confinement
        yield opened


def need_namespaces(sandbox: ProcessSandbox) -> None:
    """Skip, or fail where OT_REQUIRE names `namespaces`, on a kernel that gives none."""
    there = sandbox.confinement.startswith("namespaces, own root")
    require("namespaces", there, f"this kernel gives only: {sandbox.confinement}")


@pytest.fixture(autouse=True)
def nothing_left(home: Path) -> Iterator[None]:
    """No process of a sandbox and no directory of one outlives a test."""
    yield
    assert living(home) == set()
    assert list(home.glob("ot-sandbox-*")) == []


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the sandboxes of these tests make their directories; it is on their command lines, which tells them apart
    from those of other test runs."""
    tmp_path_factory.getbasetemp()  # not inside
    with tempfile.TemporaryDirectory(prefix="ot-test-") as name, pytest.MonkeyPatch.context() as patch:
        Path(name).chmod(0o755)
        patch.setattr(tempfile, "tempdir", name)
        patch.setenv("TMPDIR", name)
        yield Path(name)


def living(home: Path) -> set[str]:
    """The processes of sandboxes under `home`: the harness and whatever it or a program forked."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_text()
        except OSError:
            continue
        if str(home) in command:
            found.add(entry.name)
    return found


def run(sandbox: Sandbox, source: str, stdin: str = "", **limits: float) -> Execution:
    [[execution]] = sandbox.run([Job(source, (stdin,), **{"seconds": 10.0, **limits})])  # type: ignore[arg-type]
    return execution


def test_reads_stdin_and_prints(sandbox: ProcessSandbox) -> None:
    execution = run(sandbox, "print(input()[::-1])", "añb\n")
    assert (execution.status, execution.stdout, execution.stderr) == (ExecutionStatus.OK, "bña\n", "")


def test_every_case_is_fresh(sandbox: ProcessSandbox) -> None:
    source = "import os\nprint(os.path.exists('f'), sum(map(len, os.listdir('.'))))\nos.makedirs('d/e'); open('f', 'w')"
    [executions] = sandbox.run([Job(source, ("", ""))])
    assert [e.stdout for e in executions] == ["False 0\n", "False 0\n"]


def test_results_come_in_order_and_jobs_are_read_lazily(sandbox: ProcessSandbox) -> None:
    read = []

    def jobs() -> Iterator[Job]:
        for number in range(40):
            read.append(number)
            yield Job(f"import time; time.sleep({0.1 if number == 0 else 0}); print({number}, input())", ("a", "b"))

    results = sandbox.run(jobs())
    first = next(results)
    assert len(read) <= 2 * (os.cpu_count() or 1)
    rest = [first, *results]
    assert [[e.stdout for e in case] for case in rest] == [[f"{n} a\n", f"{n} b\n"] for n in range(40)]


SPIN = "while True: pass"
GRANDCHILD = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
print("parent done")
"""
FORK_BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
ENDINGS = {
    "infinite loop": (SPIN, "timeout", "stopped after 0.7 seconds"),
    "sleep": ("import time; time.sleep(60)", "timeout", "stopped after"),
    "ignores signals": (
        "import signal, time\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(60)",
        "timeout",
        "stopped",
    ),
    "fork bomb": (FORK_BOMB, "timeout|failed", ""),
    "memory hog": ("x = []\nwhile True: x.append(bytearray(1 << 22))", "memory", "128 MB"),
    "one large object": ("x = [0] * 10**10", "memory", "128 MB"),
    "stdout flood": ("while True: print('x' * 1000)", "failed", "more than 256 KB of output"),
    "stderr flood": ("import sys\nwhile True: sys.stderr.write('x' * 1000)", "failed", "more than 256 KB of output"),
    "flood and exit": ("print('x' * 300_000)", "failed", "more than 256 KB of output"),
    "exit code": ("import sys; sys.exit(3)", "failed", "exit code 3"),
    "exit text": ("import sys; sys.exit('no luck')", "failed", "no luck"),
    "clean exit": ("import sys; sys.exit(0)", "ok", ""),
    "syntax error": ("def f(:", "failed", "SyntaxError"),
    "exception": ("1 / 0", "failed", "ZeroDivisionError"),
    "closes stdout": ("import os; os.close(1); os.close(2)", "ok|failed", ""),
    "prints to closed stdout": ("import sys; sys.stdout.close(); print(1)", "failed", ""),
    "closes everything": ("import os, time; os.closerange(0, 64); time.sleep(60)", "timeout", ""),
    "kills its parent": ("import os; os.kill(os.getppid(), 9); print('did')", "failed", "PermissionError"),
    "kills everybody": ("import os; os.kill(-1, 9); print('did')", "failed", "PermissionError"),
    "new session": ("import os; os.setsid()", "failed", "PermissionError"),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", "failed", "killed by signal 11"),
    "deep recursion": ("def f(): f()\nf()", "failed", "RecursionError"),
    "many files": ("x = [open('f%d' % i, 'w') for i in range(1000)]", "failed", "Too many open files"),
    "large file": ("open('f', 'wb').write(b'x' * (100 << 20))", "failed", ""),
    "tcp": ("import socket; socket.create_connection(('127.0.0.1', 80), 1)", "failed", "PermissionError"),
    "udp": ("import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 53))", "failed", "PermissionError"),
    "unix socket": ("import socket; socket.socket(1).connect('/var/run/docker.sock')", "failed", "PermissionError"),
    "threads": ("import threading\nt = threading.Thread(target=print, args=(1,)); t.start()", "ok", ""),
    "invalid utf-8": ("import sys; sys.stdout.buffer.write(bytes(range(256)))", "ok", ""),
    "lone surrogate": ("print('\\ud800')", "ok", ""),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_ends_in_the_right_status(sandbox: ProcessSandbox, name: str) -> None:
    source, statuses, told = ENDINGS[name]
    start = time.monotonic()
    execution = run(sandbox, source, memory_mb=128, seconds=0.7 if statuses.startswith("timeout") else 10.0)
    assert execution.status in statuses.split("|"), execution
    assert told in execution.stderr
    # Killing a bomb and clearing up may take a moment on a busy machine, never as long as the programs would.
    assert time.monotonic() - start < 20


def test_a_sleeping_grandchild_dies_with_its_case(sandbox: ProcessSandbox) -> None:
    execution = run(sandbox, GRANDCHILD)
    assert execution.status is ExecutionStatus.OK
    assert execution.seconds < 10


CHANGES = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
folder = sys.stdin.readline().strip()
victim = folder + "/victim"
name = victim.encode()
changes = {
    "write": lambda: open(victim, "r+").write("x"),
    "truncate": lambda: os.truncate(victim, 0),
    "open and truncate": lambda: open(victim, "w"),
    "ftruncate": lambda: os.ftruncate(os.open(victim, os.O_RDWR), 0),
    "chmod": lambda: os.chmod(victim, 0o600),
    "fchmod": lambda: os.fchmod(os.open(victim, os.O_RDONLY), 0o600),
    "fchmodat2": lambda: 1 / (not libc.syscall(452, -100, name, 0o600, 0)),
    "chown": lambda: os.chown(victim, os.getuid(), os.getgid()),
    "lchown": lambda: os.lchown(victim, os.getuid(), os.getgid()),
    "fchown": lambda: os.fchown(os.open(victim, os.O_RDONLY), os.getuid(), os.getgid()),
    "utime": lambda: os.utime(victim, (1, 1)),
    "touch": lambda: os.utime(victim),
    "setxattr": lambda: os.setxattr(victim, "user.x", b"x"),
    "removexattr": lambda: os.removexattr(victim, "user.mark"),
    "rename": lambda: os.rename(victim, "mine"),
    "rename there": lambda: os.rename(victim, victim + "2"),
    "exchange": lambda: 1 / (not (open("own", "w").close() or libc.renameat2(-100, b"own", -100, name, 2))),
    "link": lambda: os.link(victim, "linked"),
    "link there": lambda: os.link(victim, victim + "3"),
    "unlink": lambda: os.unlink(victim),
    "make": lambda: open(folder + "/made", "w"),
    "read": lambda: open(victim).read(),
    "list": lambda: os.listdir(folder),
}
for name_of, change in changes.items():
    try:
        change()
        print(name_of)
    except (OSError, ZeroDivisionError):
        pass
"""


def test_a_file_outside_stays_as_it_is(sandbox: ProcessSandbox, home: Path) -> None:
    folder = home / "open"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    victim = folder / "victim"
    victim.write_text("precious")
    victim.chmod(0o666)
    before = victim.stat()
    assert run(sandbox, CHANGES, f"{folder}\n").stdout == ""
    after = victim.stat()
    assert [path.name for path in folder.iterdir()] == ["victim"]
    assert victim.read_text() == "precious"
    assert (after.st_mode, after.st_mtime_ns, after.st_ctime_ns, after.st_ino, after.st_nlink) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_ino,
        before.st_nlink,
    )


def test_files_of_its_own_can_be_moved_and_cut(sandbox: ProcessSandbox) -> None:
    source = """
import os
os.makedirs("a/b")
open("a/f", "w").write("12345")
os.rename("a/f", "a/b/g")
os.truncate("a/b/g", 2)
print(open("a/b/g").read(), os.listdir("a"))
open(os.devnull, "w").write("x")
"""
    assert run(sandbox, source).stdout == "12 ['b']\n"


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"namespaces": False, "seccomp": False}, "programs would have network"),
        ({"landlock": False}, "neither mount namespaces nor Landlock 3 .* programs could change files"),
        ({"namespaces": True, "seccomp": False}, "programs could change files"),
        ({"user": None}, "without the right to become another user"),
        ({}, "^$"),
        ({"user": None, "root": True, "landlock": False, "namespaces": True}, "^$"),
    ],
)
def test_refusals(monkeypatch: pytest.MonkeyPatch, attributes: dict[str, object], told: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    cage = object.__new__(Cage)
    vars(cage).update(
        {"namespaces": False, "container": False, "root": False, "seccomp": True, "landlock": True, "user": 1}
        | attributes
    )
    refusal = cage._refusal()
    assert re.search(told, refusal)
    assert "\n" not in refusal


def test_threads_of_neighbours_do_not_count(home: Path) -> None:
    source = """
import threading, time
threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(9)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("fine")
"""
    for namespaces in (True, False):
        with ProcessSandbox(workers=4, namespaces=namespaces) as four:
            executions = [case[0] for case in four.run([Job(source, seconds=20.0)] * 8)]
        assert [execution.stdout for execution in executions] == ["fine\n"] * 8, executions


LEFTOVERS = {
    "deep": "import os\nfor _ in range(3000): os.mkdir('d' * 20); os.chdir('d' * 20)\nopen('f', 'w')",
    "long names": "import os\nfor _ in range(40): os.mkdir('d' * 255); os.chdir('d' * 255)\nopen('f', 'w')",
    "closed": "import os\nos.makedirs('a/b', 0o000, True)\nos.mkdir('c', 0)",
    "odd names": "import os\nos.mkdir(b'\\xff\\n'); open(b'\\xff\\n/\\xfe', 'w'); os.symlink('/', 'r'); os.mkfifo('p')",
}


@pytest.mark.parametrize("name", LEFTOVERS)
def test_whatever_a_case_leaves_the_next_finds_nothing(sandbox: ProcessSandbox, name: str) -> None:
    source = f"import os\nprint(os.listdir('.'))\ninput()\n{LEFTOVERS[name]}"
    job = Job(source, ("\n",) * 3, seconds=10.0)
    [executions] = sandbox.run([job])
    assert [e.stdout for e in executions] == ["[]\n"] * 3, executions
    assert {e.status for e in executions} == {ExecutionStatus.OK}, executions


def test_a_tree_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    assert not remove_tree(str(tmp_path / "nothing"))
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)
    assert remove_tree(str(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists()


def test_where_cleaning_fails_a_new_harness_goes_on(sandbox: ProcessSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    begin = sandbox._start
    monkeypatch.setattr(sandbox, "_start", lambda *given: started.append(1) or begin(*given))
    failing = Path(process.__file__).with_name("harness.py").read_text().replace("not cage.clear()", "True")
    monkeypatch.setitem(process.PARTS, "harness", compile(failing, "harness.py", "exec"))
    [executions] = sandbox.run([Job("print(input())", ("a", "b", "c"))])
    assert [e.stdout for e in executions] == ["a\n", "b\n", "c\n"]
    assert len(started) == 3


FORBIDDEN = {
    "limits of another": "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "limits of any": "import resource\nresource.prlimit(1, resource.RLIMIT_CPU)",
    "memory file": "import os\nos.memfd_create('x')",
    "priority of another": "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "signal by file": "import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden_calls(sandbox: ProcessSandbox, name: str) -> None:
    assert "PermissionError: [Errno 1]" in run(sandbox, FORBIDDEN[name]).stderr


def test_what_of_this_machine_is_seen(sandbox: ProcessSandbox) -> None:
    source = """
import os
for path in ("/etc", "/home", "/usr/local/etc", "/usr/share", "/usr/share/doc", "/var", "/proc", "/sys", "/tmp"):
    try:
        print(path, os.listdir(path))
    except OSError:
        pass
"""
    assert run(sandbox, source).stdout in ("", "/usr/share ['zoneinfo']\n")


def test_the_number_of_files_is_limited() -> None:
    with ProcessSandbox() as opened:
        need_namespaces(opened)
        execution = run(opened, "for i in range(10_000): open(f'f{i}', 'w').close()")
    assert "No space left on device" in execution.stderr


def test_sees_neither_our_environment_nor_writes_outside(
    sandbox: ProcessSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OT_API_KEY", "secret")
    tmp_path.chmod(0o777)
    target = tmp_path / "written"
    source = f"""
import os
print(sorted(os.environ))
for path in ({str(target)!r}, {str(Path(__file__).with_name("written"))!r}, "/tmp/ot-written", "/dev/shm/ot-written"):
    try:
        open(path, "w").write("x")
        print("wrote", path)
    except OSError:
        pass
"""
    execution = run(sandbox, source)
    assert not target.exists()
    assert execution.stdout in (
        "['LANG', 'PATH', 'PYTHONHASHSEED']\n",
        "['LANG', 'LC_CTYPE', 'PATH', 'PYTHONHASHSEED']\n",
    )


def test_cannot_raise_its_limits(sandbox: ProcessSandbox) -> None:
    source = "import resource as r\nr.setrlimit(r.RLIMIT_AS, (r.RLIM_INFINITY, r.RLIM_INFINITY))"
    assert run(sandbox, source).status is ExecutionStatus.FAILED


def test_the_random_seed_of_hashes_is_fixed(sandbox: ProcessSandbox) -> None:
    assert run(sandbox, "print(hash('a'))").stdout == run(sandbox, "print(hash('a'))").stdout


def test_stop_at_failure_leaves_the_rest_unrun(sandbox: ProcessSandbox) -> None:
    job = Job("print(1 / int(input()))", ("1", "0", "1"), stop_at_failure=True)
    [executions] = sandbox.run([job])
    assert [e.status.value for e in executions] == ["ok", "failed", "unavailable"]


def test_a_neighbour_is_not_disturbed_by_a_fork_bomb(sandbox: ProcessSandbox) -> None:
    jobs = [Job(FORK_BOMB, seconds=1.0), Job("import os\nprint('fine')", seconds=10.0)]
    assert list(sandbox.run(jobs))[1][0].stdout == "fine\n"


def test_works_from_another_thread(sandbox: ProcessSandbox) -> None:
    got: list[Execution] = []
    thread = threading.Thread(target=lambda: got.append(run(sandbox, "print(1)")))
    thread.start()
    thread.join()
    assert got[0].stdout == "1\n"


def test_leaving_the_results_early_kills_what_runs(sandbox: ProcessSandbox) -> None:
    results = sandbox.run(Job(source, seconds=60.0) for source in ["print(1)", *["import time; time.sleep(60)"] * 8])
    next(results)
    start = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("namespaces", [True, False])
def test_dies_with_the_process_that_opened_it(home: Path, namespaces: bool) -> None:
    source = f"""
from ot_resources.sandboxes.process import ProcessSandbox
from ot_resources.interfaces import Job
program = "import os, time\\ntry: os.fork()\\nexcept OSError: pass\\ntime.sleep(60)"
list(ProcessSandbox(namespaces={namespaces}).run([Job(program, seconds=60.0)]))
"""
    owner = subprocess.Popen([sys.executable, "-c", source])
    wait_for(lambda: len(living(home)) >= 3)
    owner.kill()
    owner.wait()
    wait_for(lambda: not living(home))
    # What a killed owner leaves is an empty directory; the jail is gone with its namespace.
    for directory in home.glob("ot-sandbox-*"):
        assert not any(path.is_file() for path in directory.rglob("*"))
        shutil.rmtree(directory)


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["doker", "prozess", ""])
def test_an_unknown_sandbox_is_bad_input(name: str) -> None:
    with pytest.raises(BadInput, match="there is: docker, process"), open_sandbox(name):
        pass
