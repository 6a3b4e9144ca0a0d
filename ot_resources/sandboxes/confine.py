"""How a process gives up its rights on Linux: namespaces, a root of its own, limits, a system call filter, Landlock.

Used by `harness.py` inside the sandbox's process; few imports, for the same reason as there. Three layers, each used
where the kernel allows it; `Cage` refuses when what is left would let a program reach the network:

- namespaces (network, processes, mounts, IPC): as root directly, else inside a user namespace;
- a seccomp filter that forbids sockets, signals, new sessions and the like (x86_64 and aarch64);
- without mount namespaces, Landlock (https://docs.kernel.org/userspace-api/landlock.html) against writes outside.
"""

# ruff: noqa: SIM105 - contextlib imports more than all the rest of this module.

from __future__ import annotations

import _signal  # the module signal builds enums at its import
import ctypes
import os
import resource
import struct
import sys

SIGKILL, SIGTERM, EFAULT = 9, 15, 14
NOBODY = 65534
PROCESSES = 16
OPEN_FILES = 64
FILE_MB = 16
DISK_MB = 64

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
SPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
MOUNT_SETATTR = 442  # the same number on every architecture, as all since Linux 5.1
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = -100, 0x8000, 1, 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38

# Forbidden system calls as (x86_64, aarch64) numbers: what reaches the network (socket; io_uring can open one too),
# other processes (signals, ptrace, memory), a session of its own (a group dies together), shared memory that
# outlives its maker, and more rights.
FORBIDDEN = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "io_uring_setup": (425, 425),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "setpgid": (109, 154), "setsid": (112, 157),
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "chroot": (161, 51),
    "mount_setattr": (442, 442), "open_tree": (428, 428), "fsopen": (430, 430),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
}  # fmt: skip
# What makes a process; threads come by clone with CLONE_THREAD, and the C library asks clone3 first.
CLONE, CLONE3, CLONE_THREAD = (56, 220), (435, 435), 0x00010000
FORKS = (57, 58)  # fork and vfork, which only x86_64 has
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}


def die_with_parent(signal: int = SIGKILL) -> None:
    """No harness outlives the one who asked for it, however that one ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)


def adopt_orphans() -> None:
    """Grandchildren whose parent ended become ours, so that they can be reaped."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def enter_namespaces() -> bool:
    """Whether children from now on live in namespaces of their own."""
    if libc.unshare(SPACES) == 0:
        return True
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | SPACES) != 0:
        return False
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except OSError:
        # The ids then show as nobody's; access to files goes by the real ones all the same.
        pass
    return True


class Cage:
    """The place where cases run. `refusal` says why they may not; `description` what holds them."""

    def __init__(self, directory: str, namespaces: bool) -> None:
        self.namespaces = namespaces
        self.case = 0
        self.root = namespaces and own_root(directory)
        self.directory = "/work" if self.root else directory
        self.drop_user = os.geteuid() == 0 and (self.root or readable_by_all(os.__file__))
        self.landlock = not self.root and landlock_version() > 0
        self.seccomp = os.uname().machine in MACHINES and seccomp_allowed()
        self.refusal = self._refusal()
        layers = {
            "namespaces": namespaces,
            "own root": self.root,
            "system call filter": self.seccomp,
            "landlock": self.landlock,
            "uid 65534": self.drop_user,
        }
        self.description = ", ".join(name for name, there in layers.items() if there)
        if not self.root:
            os.chmod(directory, 0o777)
            os.chdir(directory)
        self.process_limit = PROCESSES if namespaces else PROCESSES + processes_of(self._user())

    def _user(self) -> int:
        return NOBODY if self.drop_user else os.geteuid()

    def _refusal(self) -> str:
        if not self.namespaces and not self.seccomp:
            return "this kernel allows neither network namespaces nor a system call filter: programs would have network"
        if os.geteuid() == 0 and not self.drop_user and not (self.landlock and self.seccomp):
            return f"run by root, and {os.__file__} is unreadable for others: programs would write as root"
        return ""

    def clear_up_when_orphaned(self, parent: int) -> None:
        """When the harness dies, so does whatever runs: with the namespace, or killed here one last time."""
        if self.namespaces:
            die_with_parent()
            return

        def clear_up(*_: object) -> None:
            if self.case:
                self.kill_all(self.case)
            os._exit(1)

        _signal.signal(SIGTERM, clear_up)
        die_with_parent(SIGTERM)
        if os.getppid() != parent:
            clear_up()

    def lock_down(self, seconds: float, memory_mb: int) -> None:
        """Give up everything, for good. Called in the child that becomes the program."""
        with_oom_preference()
        if not self.namespaces:
            os.setpgid(0, 0)
            _signal.signal(SIGTERM, _signal.SIG_DFL)
        if self.drop_user:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            # In a user namespace of its own the limit on processes counts this case's only.
            libc.unshare(CLONE_NEWUSER)
        drop_capabilities()
        die_with_parent()
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self.landlock:
            forbid_writes_outside(".")
        set_limits(seconds, memory_mb, self.process_limit)
        if self.seccomp:
            # The kernel does not count root's processes against the limit, so root gets none.
            load_filter(children=self.drop_user or os.getuid() != 0)

    def group(self, pid: int) -> None:
        """From the harness's side, in case the child was not so far yet."""
        if not self.namespaces:
            try:
                os.setpgid(pid, pid)
            except OSError:
                pass

    def kill_all(self, pid: int) -> int:
        """Kill whatever the case left and reap it all; the exit code of `pid` (negative: a signal's number)."""
        code = -SIGKILL
        while True:
            try:
                os.kill(-1, SIGKILL) if self.namespaces else os.killpg(pid, SIGKILL)
            except OSError:
                pass
            try:
                reaped, status = os.waitpid(-1, 0)
            except ChildProcessError:
                return code
            if reaped == pid:
                code = os.waitstatus_to_exitcode(status)

    def clear(self) -> None:
        """Empty the working directory for the next case."""
        for entry in os.scandir(self.directory):
            remove(entry)


def remove(entry: os.DirEntry[str]) -> None:
    try:
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            for inner in os.scandir(entry.path):
                remove(inner)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)
    except OSError:
        pass


def own_root(directory: str) -> bool:
    """Change to a root that holds Python, the libraries that it needs and an empty /work; False if not allowed."""
    root = os.path.join(directory, "root")
    os.mkdir(root)
    os.chmod(root, 0o755)
    if mount("none", "/", None, MS_REC | MS_PRIVATE) or mount("tmpfs", root, "tmpfs", MS_NOSUID, "size=1m,mode=0755"):
        return False
    for path in visible_paths():
        target = root + path
        os.makedirs(target if os.path.isdir(path) else os.path.dirname(target), exist_ok=True)
        if not os.path.isdir(path):
            open(target, "w").close()
        if mount(path, target, None, MS_BIND | MS_REC):
            return False
    os.makedirs(root + "/work")
    for link in ("bin", "lib", "lib64"):
        if os.path.islink(f"/{link}"):
            os.symlink(os.readlink(f"/{link}"), f"{root}/{link}")
    read_only = struct.pack("QQQQ", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, 0)
    if libc.syscall(MOUNT_SETATTR, AT_FDCWD, root.encode(), AT_RECURSIVE, read_only, len(read_only)):
        return False
    if mount("tmpfs", root + "/work", "tmpfs", MS_NOSUID | MS_NODEV, f"size={DISK_MB}m,mode=0777"):
        return False
    os.chroot(root)
    os.chdir("/work")
    return True


def visible_paths() -> list[str]:
    """What a program sees of this machine: Python's own folders, system libraries, harmless devices."""
    wanted = {"/usr", "/lib", "/lib64", "/bin", sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__)}
    folders = sorted(path for path in wanted if os.path.isdir(path) and not os.path.islink(path))
    tops = [p for p in folders if not any(p != q and p.startswith(q + "/") for q in folders)]
    return [*tops, "/dev/null", "/dev/zero", "/dev/urandom"]


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> int:
    encoded = [None if text is None else text.encode() for text in (source, target, kind, options)]
    return int(libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]))


def readable_by_all(path: str) -> bool:
    """Whether any user id may read `path`: every folder above can be entered by others."""
    if not os.stat(path).st_mode & 0o004:
        return False
    while path != "/":
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & 0o001:
            return False
    return True


def processes_of(user: int) -> int:
    """Threads that already run under `user`, which the limit on processes counts as well."""
    count = 0
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == user:
                count += len(os.listdir(f"/proc/{entry}/task"))
        except OSError:
            pass
    return count


def with_oom_preference() -> None:
    """When memory runs out, the kernel should take this process first."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def drop_capabilities() -> None:
    libc.capset(struct.pack("Ii", 0x20080522, 0), bytes(24))


def set_limits(seconds: float, memory_mb: int, processes: int) -> None:
    cpu = int(seconds) + 2
    limits = {
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_AS: (memory_mb << 20,) * 2,
        resource.RLIMIT_FSIZE: (FILE_MB << 20,) * 2,
        resource.RLIMIT_NOFILE: (OPEN_FILES,) * 2,
        resource.RLIMIT_NPROC: (processes,) * 2,
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        soft, most = (n if hard == resource.RLIM_INFINITY else min(n, hard) for n in limit)
        resource.setrlimit(kind, (soft, most))


def seccomp_allowed() -> bool:
    """Whether a filter would be accepted: the kernel answers EFAULT to a null one, EINVAL where it knows none."""
    libc.prctl(PR_SET_SECCOMP, 2, None, 0, 0)
    return ctypes.get_errno() == EFAULT


def load_filter(children: bool) -> None:
    """A seccomp filter: forbidden calls fail with EPERM, calls of another architecture kill. Raises if refused.

    Without `children`, new processes are forbidden as well; threads are not.
    """
    audit_arch, column = MACHINES[os.uname().machine]
    allow, deny, missing, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
    load, equal, above, has, give = 0x20, 0x15, 0x35, 0x45, 0x06
    code = [(load, 0, 0, 4), (equal, 1, 0, audit_arch), (give, 0, 0, kill), (load, 0, 0, 0)]
    # x86_64's other calling convention (x32) marks its numbers with bit 30.
    code += [(above, 0, 1, 0x40000000), (give, 0, 0, deny)]
    for number in sorted(pair[column] for pair in FORBIDDEN.values()):
        code += [(equal, 0, 1, number), (give, 0, 0, deny)]
    if not children:
        code += [(equal, 0, 1, CLONE3[column]), (give, 0, 0, missing)]
        code += [(equal, 0, 4, CLONE[column]), (load, 0, 0, 16), (has, 1, 0, CLONE_THREAD), (give, 0, 0, deny)]
        code += [(give, 0, 0, allow)]
        for number in FORKS if column == 0 else ():
            code += [(equal, 0, 1, number), (give, 0, 0, deny)]
    code.append((give, 0, 0, allow))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    header = struct.pack("HP", len(code), ctypes.addressof(program))
    if libc.prctl(PR_SET_SECCOMP, 2, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the system call filter was refused")


def landlock_version() -> int:
    return int(libc.syscall(LANDLOCK_CREATE, None, 0, 1))


def forbid_writes_outside(directory: str) -> None:
    """Landlock: files are made, changed and removed below `directory` only. Raises if refused."""
    # Bits of Landlock's first version: 1 write a file, 4 and 5 remove, 6 to 12 make.
    writes = sum(1 << bit for bit in (1, *range(4, 13)))
    ruleset = libc.syscall(LANDLOCK_CREATE, struct.pack("Q", writes), 8, 0)
    folder = os.open(directory, os.O_PATH)
    devnull = os.open("/dev/null", os.O_PATH)
    for fd, bits in ((folder, writes), (devnull, 1 << 1)):
        if libc.syscall(LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", bits, fd), 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock refused a rule")
    if libc.syscall(LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock was refused")
    for fd in (ruleset, folder, devnull):
        os.close(fd)
