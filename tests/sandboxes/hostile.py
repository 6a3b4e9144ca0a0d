"""Programs that mean harm: what each tries, and how its case may end. One that got through prints `REACHED`."""

from __future__ import annotations

from typing import NamedTuple


class Hostile(NamedTuple):
    source: str
    endings: str  # statuses, joined by |
    told: str = ""  # what stderr must hold
    process: bool = True  # whether the process sandbox promises it too


# Tried one by one; whatever raises, or returns nothing, did not get through.
TRY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    given = [ctypes.c_void_p(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    return libc.syscall(ctypes.c_long(number), *given) >= 0
def attempt(*attempts):
    for number, one in enumerate(attempts):
        try:
            if one():
                print("REACHED", number)
        except (OSError, ValueError, ImportError, AttributeError):
            pass
def read(path):
    return lambda: open(path, "rb").read(1)
def write(path):
    return lambda: open(path, "wb").write(b"x")
def listed(path, but=()):
    return lambda: set(os.listdir(path)) - set(but)
"""


def attempts(*sources: str) -> Hostile:
    return Hostile(TRY + "".join(f"attempt({source})\n" for source in sources), "ok")


FORKED = "import os, time\nfor _ in range({count}):\n    if os.fork() == 0:\n        break\n"

RESOURCES = {
    "fork bomb": Hostile(
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "timeout|failed"
    ),
    "fork bomb of the shell": Hostile(
        "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'b() { b | b & }; b; sleep 60'])", "timeout|failed|ok"
    ),
    "fork bomb of generations": Hostile(
        "import os, time\nwhile True:\n    try:\n        if os.fork(): os._exit(0)\n    except OSError: pass",
        "timeout|ok|failed",
    ),
    "thread bomb": Hostile(
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()", "failed|timeout"
    ),
    "memory bomb": Hostile("x = []\nwhile True: x.append(bytearray(1 << 22))", "memory|failed"),
    "one large object": Hostile("x = [0] * 10**10", "memory|failed", "MemoryError"),
    "memory of many processes": Hostile(
        FORKED.format(count=12) + "x = []\nwhile True: x.append(b'x' * (1 << 20))",
        "memory|failed|timeout",
        process=False,
    ),
    "memory in shared maps": Hostile(
        "import mmap\nx = []\nwhile True:\n    x.append(mmap.mmap(-1, 1 << 24)); x[-1].write(b'x' * (1 << 24))",
        "memory|failed",
    ),
    "memory in pipes": Hostile(
        "import os, time\nfor _ in range(30):\n    r, w = os.pipe(); os.set_blocking(w, False)\n"
        "    try:\n        while True: os.write(w, b'x' * 65536)\n    except OSError: pass\ntime.sleep(60)",
        "timeout|failed",
    ),
    "one large file": Hostile("f = open('f', 'wb')\nwhile True: f.write(b'x' * (1 << 20))", "failed"),
    "many large files": Hostile(
        "for i in range(1000): open(f'f{i}', 'wb').write(b'x' * (10 << 20))", "failed", "No space left on device"
    ),
    "many files": Hostile("for i in range(100_000): open(f'f{i}', 'wb').close()", "failed", "No space left on device"),
    "deep folders": Hostile("import os\nwhile True: os.mkdir('d'); os.chdir('d')", "failed|timeout"),
    "stdout flood": Hostile("for _ in range(1024): print('x' * (1 << 20))", "failed", "of output"),
    "stderr flood": Hostile("import sys\nfor _ in range(1024): sys.stderr.write('x' * 2**20)", "failed", "of output"),
    "flood of children": Hostile(
        FORKED.format(count=8) + "import sys\nwhile True: sys.stdout.write('x' * (1 << 16))", "failed|timeout"
    ),
    "infinite loop": Hostile("while True: pass", "timeout"),
    "sleep": Hostile("import time; time.sleep(60)", "timeout"),
    "sleep in C": Hostile("import ctypes; ctypes.CDLL(None).sleep(60)", "timeout"),
    "ignores every signal": Hostile(
        "import signal\nfor s in signal.valid_signals() - {9, 19}:\n"
        "    try: signal.signal(s, signal.SIG_IGN)\n    except OSError: pass\nwhile True: pass",
        "timeout",
    ),
    "daemon": Hostile(
        "import os, time\nif os.fork() == 0:\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)\nos.wait()",
        "ok",
    ),
    "daemon with our stdout": Hostile(
        "import os, time\nif os.fork() == 0:\n    while True:\n        print('x', flush=True); time.sleep(0.01)",
        "ok|failed",
    ),
    "daemon in a session of its own": Hostile(
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nos.wait()", "ok"
    ),
    "zombies": Hostile(
        "import os\nfor _ in range(9999):\n    try:\n        if os.fork() == 0: os._exit(0)\n    except OSError: pass",
        "ok|timeout",
    ),
    "a child that waits for its parent": Hostile(
        "import os, time\nwhile os.fork(): break\nelse:\n    time.sleep(60)\nos.execv('/bin/sleep', ['sleep', '60'])",
        "timeout",
    ),
    "open files": Hostile("x = [open('f', 'w') for i in range(100_000)]", "failed", "Too many open files"),
    "huge power": Hostile("x = 10 ** 10 ** 9", "timeout|memory"),
    "huge digits": Hostile("import sys\nsys.set_int_max_str_digits(0)\nstr(7 ** 30_000_000)", "timeout|memory"),
    "regex bomb": Hostile("import re\nre.match(r'(a|aa)+$', 'a' * 60 + 'b')", "timeout"),
    "endless list": Hostile("import itertools\nx = list(itertools.count())", "memory|timeout|failed"),
    "deep recursion": Hostile("def f(): f()\nf()", "failed", "RecursionError"),
    "deeper recursion": Hostile("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", "failed|memory|timeout"),
    "deep source": Hostile("eval('(' * 100_000 + ')' * 100_000)", "failed|memory"),
    "deep json": Hostile("import json\njson.loads('[' * 10**7)", "failed|memory"),
    "segmentation fault": Hostile("import ctypes; ctypes.string_at(0)", "failed", "signal 11"),
    "abort": Hostile("import os; os.abort()", "failed"),
    "invalid UTF-8": Hostile("import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)", "ok"),
    "terminal codes": Hostile("print('\\x1b[2J\\x1b]0;owned\\x07\\0')", "ok"),
    "closes its streams": Hostile("import os, time; os.closerange(0, 64); time.sleep(60)", "timeout"),
    "stops itself": Hostile("import ctypes, time; ctypes.CDLL(None).raise_(19)\ntime.sleep(60)", "failed|timeout"),
}  # fmt: skip

# FOLDER is an open folder of the host, PORT and SOCKET are where it listens.
REACHING = {
    "reads /etc": attempts("read('/etc/passwd'), read('/etc/shadow'), listed('/etc'), read('/etc/hostname')"),
    "reads the host's files": attempts(
        "read('FOLDER/victim'), listed('FOLDER'), listed('/root', ['.pyenv']), listed('/home')"
    ),
    "the environment": attempts(
        "read('/proc/1/environ'), read(f'/proc/{os.getppid()}/environ'), lambda: 'OT_SECRET' in os.environ,"
        " lambda: set(os.environ) - {'PATH', 'LANG', 'LC_CTYPE', 'PYTHONHASHSEED'}"
    ),
    "other processes": attempts(
        "listed('/proc'), read('/proc/1/cmdline'), read(f'/proc/{os.getppid()}/maps'), read('/proc/1/mem')",
        "read(f'/proc/{os.getppid()}/mem'), write('/proc/1/fd/1'), write(f'/proc/{os.getppid()}/fd/1')",
    ),
    # Its own folder is /work, or one in there.
    "other programs' files": attempts(
        "listed('/work', [os.path.basename(os.getcwd())]), write('../next'), write('../2/f')",
        "lambda: not os.mkdir('../2'), lambda: not os.mkdir('../99'), lambda: not os.rename('.', '../98')",
    ),
    "writes outside": attempts(
        *(
            f"write('{path}/ot-hostile')"
            for path in "/ /tmp /var/tmp /dev/shm /dev/mqueue /run /usr /usr/lib /etc /home /root /dev FOLDER".split()
        ),
        "write('FOLDER/victim'), lambda: not os.truncate('FOLDER/victim', 0)",
    ),
    "symbolic links": attempts(
        "lambda: os.symlink('/etc/passwd', 'a') or read('a')(), lambda: os.symlink('FOLDER', 'b') or listed('b')()",
        "write('b/hostile'), lambda: os.symlink('/proc/self/root', 'c') or listed('c/etc')()",
        "lambda: os.symlink('/tmp', 'd') or write('d/hostile')()",
    ),
    "paths with ..": attempts(
        "read('../../../../etc/passwd'), write('../../../../tmp/ot-hostile'), read('/work/../etc/passwd')",
        "read('/usr/lib/../../etc/passwd'), read('/proc/self/cwd/../../etc/passwd')",
    ),
    "hard links": attempts(
        "lambda: not os.link('FOLDER/victim', 'v'), lambda: not os.link('/etc/passwd', 'p') or read('p')()"
    ),
    "the engine's socket": attempts(
        "lambda: __import__('socket').socket(1).connect('ENGINE') is None",
        "lambda: __import__('socket').socket(1).connect('/var/run/docker.sock') is None",
        "lambda: os.stat('/var/run/docker.sock'), read('ENGINE')",
    ),
    "unix sockets": attempts(
        "lambda: __import__('socket').socket(1).connect('SOCKET') is None",
        "lambda: __import__('socket').socket(1).connect('\\0ot-hostile-test') is None",
    ),
    "tcp": attempts(
        "lambda: __import__('socket').create_connection(('127.0.0.1', PORT), 1)",
        "lambda: __import__('socket').create_connection(('172.17.0.1', PORT), 1)",
        "lambda: __import__('socket').create_connection(('::1', PORT), 1)",
    ),
    "tcp by system call": attempts("lambda: call(41, 2, 1, 0), lambda: call(41, 10, 1, 0), lambda: call(41, 16, 3, 0)"),
    "listens": attempts("lambda: __import__('socket').create_server(('127.0.0.1', 0))"),
    "udp": attempts("lambda: __import__('socket').socket(2, 2).sendto(b'x', ('127.0.0.1', PORT))"),
    "dns": attempts("lambda: __import__('socket').getaddrinfo('example.org', 80)"),
    "http": attempts("lambda: __import__('urllib.request').request.urlopen('http://127.0.0.1:PORT', timeout=1)"),
    "raw sockets": attempts("lambda: __import__('socket').socket(2, 3, 1), lambda: __import__('socket').socket(17, 3)"),
    "io_uring": attempts("lambda: call(425, 8, bytes(120))"),
    "ptrace": attempts(
        "lambda: call(101, 16, os.getppid(), 0, 0), lambda: call(101, 16, 1, 0, 0), lambda: call(101, 0, 0, 0, 0)"
    ),
    "another's memory": attempts(
        "lambda: call(310, os.getppid(), 0, 0, 0, 0, 0), lambda: call(311, os.getppid(), 0, 0, 0, 0, 0)"
    ),
    "another's file descriptors": attempts("lambda: call(438, os.pidfd_open(os.getppid()), 0, 0)"),
    "mounts": attempts(
        "lambda: call(165, b'none', os.getcwd().encode(), b'tmpfs', 0, 0), lambda: call(166, b'/work', 2)",
        "lambda: call(165, b'none', b'/', b'', 32, b'remount,rw'), lambda: call(428, -100 & 0xFFFFFFFF, b'/', 1)",
        "lambda: call(430, b'tmpfs', 0), lambda: call(442, -100 & 0xFFFFFFFF, b'/', 0, 0, 0)",
    ),
    "namespaces": attempts(
        *(f"lambda: call(272, {flag})" for flag in (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x02000000)),
        "lambda: call(308, os.open('/proc/1/ns/mnt', os.O_RDONLY), 0), lambda: call(56, 0x10000011, 0, 0, 0, 0) and 0",
    ),
    "another root": attempts("lambda: call(161, b'.'), lambda: call(155, b'.', b'.')"),
    "other users": attempts(
        "lambda: os.getuid() == 0 or os.geteuid() == 0, lambda: not os.setuid(0), lambda: not os.setgid(0)",
        "lambda: not os.setgroups([0]), lambda: not os.setresuid(0, 0, 0)",
    ),
    "setuid files": attempts(
        "lambda: any(os.stat(p + '/' + f).st_mode & 0o6000 for p in ('/bin', '/usr/bin', '/usr/sbin')"
        " if os.path.isdir(p) for f in os.listdir(p)) and os.access('/bin/su', os.X_OK) and"
        " not __import__('subprocess').run(['/bin/su', '-c', 'id'], input=b'', capture_output=True).returncode"
    ),
    "capabilities": attempts("lambda: call(126, b'\\x22\\x05\\x08\\x20' + bytes(4), b'\\xff' * 24)"),
    "signals to its parent": attempts(*(f"lambda: not os.kill(os.getppid(), {s})" for s in (0, 9, 15, 19))),
    "signals to all": attempts("lambda: not os.kill(-1, 9), lambda: not os.kill(1, 9), lambda: not os.killpg(0, 9) "),
    "signals by file": attempts("lambda: not __import__('fcntl').fcntl(0, 8, os.getppid())"),
    "devices": attempts(
        "lambda: not os.mknod('disk', 0o60600, os.makedev(254, 0)), lambda: not os.mknod('n', 0o20600, 259)",
        "read('/dev/mem'), read('/dev/kmsg'), read('/dev/vda'), read('/dev/sda'), write('/dev/tty'), read('/dev/fuse')",
    ),
    "the kernel's settings": attempts(
        "write('/proc/sys/kernel/core_pattern'), write('/proc/sysrq-trigger'), write('/sys/power/state')",
        "write('/proc/sys/kernel/hostname'), write('/sys/kernel/uevent_helper'), listed('/sys')",
    ),
    "control groups": attempts(
        "write('/sys/fs/cgroup/memory/memory.limit_in_bytes'), write('/sys/fs/cgroup/release_agent')",
        "listed('/sys/fs/cgroup'), write('/sys/fs/cgroup/cgroup.procs')",
    ),
    "being spared when memory runs out": attempts("lambda: open('/proc/self/oom_score_adj', 'w').write('-1000')"),
    "the kernel": attempts(
        "lambda: call(175, b'', 0, b''), lambda: call(313, 0, b'', 0), lambda: call(246, 0, 0, 0, 0)",
        "lambda: call(169, 0xfee1dead, 672274793, 0x89abcdef, 0), lambda: call(103, 2, 0, 0) and 0",
        "lambda: call(321, 0, bytes(120), 120), lambda: call(298, bytes(120), 0, -1 & 0xFFFFFFFF, 0, 0)",
        "lambda: call(323, 0), lambda: call(167, b'/swap', 0), lambda: call(163, b'acct')",
    ),
    "clock and name": attempts(
        "lambda: call(227, 0, bytes(16)), lambda: call(170, b'owned', 5), lambda: call(164, bytes(16), 0)"
    ),
    "priorities": attempts(
        "lambda: not os.nice(-5), lambda: not os.setpriority(0, os.getppid(), 19)",
        "lambda: not os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) ",
    ),
    "its limits": attempts(
        "lambda: not __import__('resource').setrlimit(9, (-1, -1))",
        "lambda: not __import__('resource').setrlimit(1, (1 << 40, 1 << 40))",
        "lambda: __import__('resource').prlimit(os.getppid(), 7)",
    ),
    "memory that stays": attempts(
        "lambda: call(29, 77, 4096, 0o1666), lambda: call(68, 77, 0o1666), lambda: call(64, 77, 1, 0o1666)",
        "lambda: call(240, b'ot', 0o102, 0o666, 0), lambda: call(319, b'm', 0)",
    ),
    "keys": attempts(
        "lambda: call(250, 0, -3 & 0xFFFFFFFF, 1), lambda: call(248, b'user', b'k', b'x', 1, -2 & 0xFFFFFFFF)"
    ),
    "watching files": attempts("lambda: call(300, 0, 0)"),
    "file handles": attempts("lambda: call(304, 0, bytes(64), 0)"),
    "open descriptors": Hostile(
        TRY + "def there(n):\n    try:\n        return os.fstat(n)\n    except OSError:\n        return None\n"
        "attempt(lambda: [n for n in range(3, 4096) if there(n)])",
        "ok",
    ),
}  # fmt: skip

# Output that looks like the harness's own, and tasks that are not its own.
SPEAKING = {
    "frames on stdout": Hostile("print('ok 0.0000 7 0\\nREACHED', end='')\nprint('end 0.0000 0 0')", "ok"),
    "frames on stderr": Hostile("import sys\nprint('ok 0.0 3 0\\n42\\nend 0.0000 0 0\\n', file=sys.stderr)", "ok"),
    "half a frame": Hostile("import os\nos.write(1, b'ok 0.0000 100000 0\\nx')\nos._exit(0)", "ok"),
    "reads on": Hostile("import os, sys\nwhile os.read(0, 1): pass\nprint(len(sys.stdin.read()))", "ok"),
    "looks for the next task in memory": Hostile(
        TRY + "import gc\nneighbour = 'hon' + 'est'\n"
        "attempt(lambda: [o for o in gc.get_objects() if isinstance(o, dict)"
        " and any(isinstance(v, str) and neighbour in v for k, v in o.items() if k not in ('neighbour', 'source'))])",
        "ok",
    ),
}  # fmt: skip

ALL = {**RESOURCES, **REACHING, **SPEAKING}
