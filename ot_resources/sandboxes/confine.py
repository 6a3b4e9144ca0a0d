"""How a process gives up its rights on Linux: namespaces, a root of its own, limits, a system call filter, Landlock.

Used by `harness.py` inside the sandbox's process; few imports, for the same reason as there. The layers, each used
where the kernel allows it; `Cage` refuses when what is left would let a program reach the network or change a file:

- namespaces (network, processes, mounts, IPC): as root directly, else inside a user namespace; with them a root that
  holds what Python needs and nothing else;
- a seccomp filter that forbids sockets, signals, new sessions and the like (x86_64 and aarch64);
- without a root of its own, Landlock of version 3 (https://docs.kernel.org/userspace-api/landlock.html): reads of what
  that root would hold, writes in the case's own folder; what Landlock does not know (modes, owners, times, attributes,
  hard links) the filter forbids there, in the own folder as well;
- for root's runs a user id of the harness's own, so that no limit of a user is shared with a neighbour.
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
# User ids that no system gives out (https://systemd.io/UIDS-GIDS): one for every process number of 64 containers.
FIRST_USER, PROCESS_NUMBERS, CONTAINERS = 0x70000000, 1 << 22, 64
PROCESSES = 16
OPEN_FILES = 64
FILE_MB = 16
DISK_MB = 64
DISK_FILES = 4096

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
SPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 4096, 16384, 1 << 18, 2
MOUNT_SETATTR = 442  # the same number on every architecture, as all since Linux 5.1
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = -100, 0x8000, 1, 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
# Landlock's rights: 0 execute, 1 write, 2 read a file, 3 list a folder, 4 and 5 remove, 6 to 12 make, 13 move or link
# across folders (version 2), 14 truncate (version 3). A rule on a file may give those of FILE_RIGHTS only.
LANDLOCK_VERSION = 3
ALL_RIGHTS, READ_RIGHTS, FILE_RIGHTS = (1 << 15) - 1, 0b1101, 1 << 14 | 0b111

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = (
    1,
    4,
    8,
    22,
    36,
    38,
)
CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID = 1 << 2, 1 << 6, 1 << 7

# Forbidden system calls as (x86_64, aarch64) numbers: what reaches the network (socket; io_uring can open one too),
# other processes (signals, ptrace, memory, priorities), a session of its own (a group dies together), shared memory
# that outlives its maker or counts nowhere, and more rights.
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
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "open_by_handle_at": (304, 265),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "move_mount": (429, 429),
    "pivot_root": (155, 41), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "process_madvise": (440, 440), "process_mrelease": (448, 448),
}  # fmt: skip
# Changes to files that Landlock does not know; forbidden where no root of its own keeps a program from foreign ones.
FILE_CALLS = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
    "file_setattr": (469, 469), "link": (86, None), "linkat": (265, 37),
}  # fmt: skip
# Limits may be changed for oneself only; no signal may be asked for another process by way of a file.
PRLIMIT, FCNTL, F_SETOWN, F_SETSIG, F_SETOWN_EX = (302, 261), (72, 25), 8, 10, 15
# What makes a process; threads come by clone with CLONE_THREAD, and the C library asks clone3 first.
CLONE, CLONE3, CLONE_THREAD = (56, 220), (435, 435), 0x00010000
FORKS = (57, 58)  # fork and vfork, which only x86_64 has
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}


def die_with_parent(signal: int = SIGKILL) -> None:
    """No harness outlives the one who asked for it, however that one ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)


def close_memory() -> None:
    """Nobody of the same user may read this process's memory, or that of what it forks, by way of /proc."""
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


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


def own_number() -> int:
    """A number that no other harness on this machine has while this one lives."""
    container = os.stat("/proc/self/ns/pid").st_ino % CONTAINERS
    return container * PROCESS_NUMBERS + os.getpid() % PROCESS_NUMBERS


class Cage:
    """The place where cases run. `refusal` says why they may not; `description` what holds them.

    `number` is this harness's own (`own_number`), `neighbours` how many harnesses its owner may run at a time. In a
    `container` process 1 is the harness's parent, the root cannot be written, and the processes are counted: what is
    left to do is the filter, Landlock, the limits of each process, and an empty directory.
    """

    def __init__(
        self, directory: str, namespaces: bool, number: int = 0, neighbours: int = 1, container: bool = False
    ) -> None:
        self.namespaces, self.container = namespaces, container
        # Whether every process that it sees is a case's, but for process 1.
        self.alone = namespaces or container
        self.outside = directory
        self.case = 0
        self.cases = 0
        # Asked for before there is a root without /proc.
        self.user = other_user(number) if os.geteuid() == 0 else None
        used = 0 if self.user not in (None, NOBODY) else processes_of(NOBODY if self.user else os.geteuid())
        self.root = namespaces and own_root(directory)
        self.landlock = not self.root and landlock_version() >= LANDLOCK_VERSION
        self.seccomp = os.uname().machine in MACHINES and seccomp_allowed()
        self.refusal = self._refusal()
        layers = {
            "container": container,
            "namespaces": namespaces,
            "own root": self.root,
            "system call filter": self.seccomp,
            "landlock": self.landlock,
            "own uid": self.user not in (None, NOBODY),
            "uid 65534": self.user == NOBODY,
        }
        self.description = ", ".join(name for name, there in layers.items() if there)
        # A user namespace, and a user id of one's own, count one's own processes only.
        own_count = self.user not in (None, NOBODY) or (namespaces and self.user is None)
        self.process_limit = PROCESSES if own_count else used + PROCESSES * neighbours
        if container:
            self.process_limit = PROCESS_NUMBERS
        self.directory = "/work"
        if not self.root:
            os.chmod(directory, 0o711)
            self._next_directory()

    def _next_directory(self) -> None:
        self.cases += 1
        self.directory = os.path.join(self.outside, str(self.cases))
        os.mkdir(self.directory, 0o700)
        if self.user is not None:
            os.chown(self.directory, self.user, self.user)
        os.chdir(self.directory)

    def _refusal(self) -> str:
        if self.container:
            return "" if self.seccomp else "this kernel gives the container no system call filter"
        if not self.namespaces and not self.seccomp:
            return "this kernel allows neither network namespaces nor a system call filter: programs would have network"
        if not self.root and not (self.landlock and self.seccomp):
            return (
                "this kernel allows neither mount namespaces nor Landlock 3 (Linux 6.2) with a system call filter: "
                "programs could change files"
            )
        if not self.root and os.geteuid() == 0 and self.user is None:
            return "run by root without namespaces and without the right to become another user: run it as a user"
        return ""

    def clear_up_when_orphaned(self, parent: int) -> None:
        """When the harness dies, so does whatever runs: with the namespace, or killed here one last time."""
        if self.alone:
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

    def lock_down(self, seconds: float, memory_mb: int, group: int = 0) -> None:
        """Give up everything, for good, in the child that becomes the program. Raises where the kernel refuses.

        Without namespaces it leads a process group of its own, or joins the `group` of another of its case.
        """
        ruleset = allowed_files(self.directory) if self.landlock else -1
        if not self.alone:
            os.setpgid(0, group)
            _signal.signal(SIGTERM, _signal.SIG_DFL)
        kept = 0
        if self.user is not None:
            if not self.root and not readable_by_all(os.__file__):
                # Python lies where only root may look. Landlock still says what may be read.
                kept = CAP_DAC_READ_SEARCH
                done(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keeping a capability")
            os.setgroups([])
            os.setgid(self.user)
            os.setuid(self.user)
        keep_capabilities(kept)
        die_with_parent()
        done(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "giving up new rights")
        if self.landlock:
            done(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "Landlock")
            os.close(ruleset)
        set_limits(seconds, memory_mb, self.process_limit)
        if self.seccomp:
            # The kernel does not count root's processes against the limit, so root gets none.
            load_filter(children=os.getuid() != 0, file_calls=self.root or self.container)

    def group(self, pid: int) -> None:
        """From the harness's side, in case the child was not so far yet."""
        if not self.alone:
            try:
                os.setpgid(pid, pid)
            except OSError:
                pass

    def kill_all(self, pid: int) -> dict[int, int]:
        """Kill whatever the case with the leader `pid` left and reap it all; exit codes (negative: a signal's number)
        by process."""
        codes: dict[int, int] = {}
        while True:
            try:
                os.kill(-1, SIGKILL) if self.alone else os.killpg(pid, SIGKILL)
            except OSError:
                pass
            try:
                reaped, status = os.waitpid(-1, 0)
            except ChildProcessError:
                return codes
            codes[reaped] = os.waitstatus_to_exitcode(status)

    def clear(self) -> bool:
        """An empty working directory for the next case; False where that is not to be had."""
        try:
            if not self.root:
                old = self.directory
                self._next_directory()
                return remove_tree(old) and (not self.container or len(os.listdir(self.outside)) == 1)
            if self.user is not None and not os.listdir("/work"):
                return True
            # Whatever was made there goes at once, however deep; only what is to be empty is used again.
            os.chdir("/")
            gone = libc.umount2(b"/work", MNT_DETACH) == 0 and new_disk("/work") == 0
            os.chdir("/work")
            return gone
        except OSError:
            return False


def remove_tree(path: str) -> bool:
    """Remove a folder, whatever depth and names it has; True if it is gone.

    Folders inside folders are first moved to the top, so that neither the depth of calls, nor the number of open
    files, nor the length of a path grows with the tree.
    """
    prefix, moved = os.urandom(8).hex(), 0
    try:
        os.chmod(path, 0o700)
        top = os.open(path, FOLDER)
        try:
            while names := os.listdir(top):
                for name in names:
                    if unlinked(name, top):
                        continue
                    folder = os.open(name, FOLDER, dir_fd=top)
                    try:
                        for inner in os.listdir(folder):
                            if not unlinked(inner, folder):
                                moved += 1
                                os.rename(inner, f"{prefix}-{moved}", src_dir_fd=folder, dst_dir_fd=top)
                    finally:
                        os.close(folder)
                    os.rmdir(name, dir_fd=top)
        finally:
            os.close(top)
        os.rmdir(path)
    except OSError:
        return False
    return True


FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def unlinked(name: str, folder: int) -> bool:
    """Remove a file; False for a folder, which is made accessible instead."""
    try:
        os.unlink(name, dir_fd=folder)
    except (IsADirectoryError, PermissionError):
        os.chmod(name, 0o700, dir_fd=folder)
        return False
    return True


def done(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what} was refused")


def other_user(number: int) -> int | None:
    """A user id that root can become: one for this `number` alone, else nobody's, else None."""
    with open("/proc/self/status") as file:
        rights = next((int(line.split()[1], 16) for line in file if line.startswith("CapEff:")), 0)
    if ~rights & (CAP_SETUID | CAP_SETGID):
        return None
    return next((user for user in (FIRST_USER + number, NOBODY) if mapped(user, "uid") and mapped(user, "gid")), None)


def mapped(user: int, kind: str) -> bool:
    """Whether the user namespace has this id."""
    with open(f"/proc/self/{kind}_map") as file:
        ranges = [[int(part) for part in line.split()] for line in file]
    return any(first <= user < first + count for first, _, count in ranges)


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
    if new_disk(root + "/work"):
        return False
    os.chroot(root)
    os.chdir("/work")
    return True


def new_disk(path: str) -> int:
    return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"size={DISK_MB}m,nr_inodes={DISK_FILES},mode=0777")


def visible_paths() -> list[str]:
    """What a program sees of this machine: Python's libraries, the system's and its programs, harmless devices."""
    wanted = {"/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/bin", "/usr/share/zoneinfo", "/lib", "/lib64", "/bin"}
    wanted.add(os.path.dirname(os.__file__))
    for prefix in (sys.base_prefix, sys.base_exec_prefix):
        wanted.update(os.path.join(prefix, name) for name in ("bin", "lib", "lib64"))
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


def keep_capabilities(kept: int) -> None:
    done(
        libc.capset(struct.pack("Ii", 0x20080522, 0), struct.pack("6I", kept, kept, 0, 0, 0, 0)), "losing capabilities"
    )


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


def load_filter(children: bool, file_calls: bool) -> None:
    """A seccomp filter: forbidden calls fail with EPERM, calls of another architecture kill. Raises if refused.

    Without `children`, new processes are forbidden as well, threads are not; without `file_calls`, FILE_CALLS are.
    """
    audit_arch, column = MACHINES[os.uname().machine]
    allow, deny, missing, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
    load, equal, above, has, give = 0x20, 0x15, 0x35, 0x45, 0x06
    code = [(load, 0, 0, 4), (equal, 1, 0, audit_arch), (give, 0, 0, kill), (load, 0, 0, 0)]
    # x86_64's other calling convention (x32) marks its numbers with bit 30.
    code += [(above, 0, 1, 0x40000000), (give, 0, 0, deny)]
    for pair in (*FORBIDDEN.values(), *(() if file_calls else FILE_CALLS.values())):
        number = pair[column]
        if number is not None:
            code += [(equal, 0, 1, number), (give, 0, 0, deny)]
    code += [
        (equal, 0, 4, PRLIMIT[column]),
        (load, 0, 0, 16),
        (equal, 1, 0, 0),
        (give, 0, 0, deny),
        (give, 0, 0, allow),
    ]
    code += [(equal, 0, 6, FCNTL[column]), (load, 0, 0, 24), (equal, 2, 0, F_SETOWN), (equal, 1, 0, F_SETSIG)]
    code += [(equal, 0, 1, F_SETOWN_EX), (give, 0, 0, deny), (give, 0, 0, allow)]
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


def allowed_files(directory: str) -> int:
    """A Landlock ruleset: everything below `directory`, reads of `visible_paths`, nothing else. Raises if refused."""
    ruleset = libc.syscall(LANDLOCK_CREATE, struct.pack("Q", ALL_RIGHTS), 8, 0)
    rules = dict.fromkeys(visible_paths(), READ_RIGHTS)
    rules |= {directory: ALL_RIGHTS, "/dev/null": FILE_RIGHTS}
    for path, rights in rules.items():
        fd = os.open(path, os.O_PATH)
        rights &= ALL_RIGHTS if os.path.isdir(path) else FILE_RIGHTS
        done(libc.syscall(LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", rights, fd), 0), f"a Landlock rule for {path}")
        os.close(fd)
    return int(ruleset)
