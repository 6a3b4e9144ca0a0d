"""A few processes that run math-verify and can be killed, one pair at a time each.

math-verify hangs past its own timeouts, can eat all memory, and breaks in threads other than the main one (there it
raises, and frameworks that swallow it score everything 0). So it runs in processes of its own, which are killed by
wall clock and limited in memory. The pool itself may be used from any thread.

Several pairs go to a worker at a time and each has a line of its own in return, from which the next one's time
counts. A worker lives no longer than the thread that started it, which is how it ends with a process that is killed;
so the threads are the pool's own and live as long as the pool.
"""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from pathlib import Path

from ot_assets.strategies.verify.verdict import Judgement, Verdict

WORKER = Path(__file__).with_name("math_worker.py")
MEMORY_MB = 2048
START_SECONDS = 120.0
# Pairs a message, and messages ahead of the one that is waited for, a worker.
AT_A_TIME = 16
AHEAD = 4
# A signal that another thread takes does not end a wait of the main one: it has to look up.
WAKE_SECONDS = 0.5
Pair = tuple[str, str]
# Whose versions decide a verdict.
PACKAGES = ("math-verify", "latex2sympy2_extended", "sympy")


class MathPool:
    """Judges (gold, given) pairs with at most `seconds` each, `workers` at a time (default: one a core).

    A worker that is late or dies is killed and its pair alone gets `timeout` or `error`; the next pair gets a new
    worker, whose start is not counted. Workers start with the first pair. Pairs are read some hundreds ahead at most.
    """

    def __init__(self, seconds: float, workers: int | None = None, memory_mb: int = MEMORY_MB) -> None:
        self._seconds = seconds
        self._count = workers or os.cpu_count() or 1
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="math")
        self._workers = [_Worker(memory_mb, seconds) for _ in range(self._count)]
        for worker in self._workers:
            self._idle.put(worker)

    def __enter__(self) -> MathPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop at once, also in the middle of a pair."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()
        # A thread may have been about to start one.
        self._threads.shutdown()
        for worker in self._workers:
            worker.kill()

    def judge(self, pairs: Iterable[Pair]) -> Iterator[Judgement]:
        """One judgement a pair, in order."""
        unread = iter(pairs)
        waiting: deque[Future[list[Judgement]]] = deque()
        try:
            while True:
                while len(waiting) < self._count * AHEAD and (some := list(islice(unread, AT_A_TIME))):
                    waiting.append(self._threads.submit(self._judge, some))
                if not waiting:
                    return
                while not waiting[0].done():
                    wait([waiting[0]], timeout=WAKE_SECONDS)
                yield from waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()

    def _judge(self, pairs: list[Pair]) -> list[Judgement]:
        worker = self._idle.get()
        try:
            return worker.judge(pairs)
        finally:
            self._idle.put(worker)


class _Worker:
    """One process of `math_worker.py`, started when it is needed."""

    def __init__(self, memory_mb: int, seconds: float) -> None:
        self._memory_mb = memory_mb
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._closed = False
        self._judged = 0

    def judge(self, pairs: list[Pair]) -> list[Judgement]:
        """One judgement a pair. What a worker that ended left unjudged goes to the next one."""
        judgements: list[Judgement] = []
        while len(judgements) < len(pairs):
            if self._process is None and not self._start():
                unavailable = Judgement(Verdict.UNAVAILABLE, "math-verify did not start: is it installed?")
                return judgements + [unavailable] * (len(pairs) - len(judgements))
            judgements += self._judge(pairs[len(judgements) :])
        return judgements

    def _judge(self, pairs: list[Pair]) -> Iterator[Judgement]:
        """Judgements until the worker ends, at least one."""
        question = json.dumps(pairs).encode() + b"\n"
        for _ in pairs:
            fresh = self._judged == 0
            start = time.monotonic()
            line = self._ask(question, self._seconds)
            question, spent = b"", time.monotonic() - start
            if line is None:
                self.kill()
                if spent < self._seconds:
                    yield Judgement(Verdict.ERROR, "math-verify's process died", spent)
                else:
                    yield Judgement(Verdict.TIMEOUT, f"math-verify was stopped after {self._seconds:g} seconds", spent)
                return
            reply = json.loads(line)
            self._judged += 1
            if reply["verdict"] == "error" and "memory" in reply["reason"]:
                self.kill()
                # It may be what earlier pairs left there that filled it; a new worker tells.
                if fresh:
                    yield Judgement(Verdict.ERROR, reply["reason"], spent)
                return
            yield Judgement(Verdict(reply["verdict"]), reply["reason"], spent)

    def close(self) -> None:
        """Kill it for good."""
        self._closed = True
        self.kill()

    def kill(self) -> None:
        process, self._process, self._unread, self._judged = self._process, None, b"", 0
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()

    def _start(self) -> bool:
        if self._closed:
            return False
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(WORKER), str(self._memory_mb), str(self._seconds), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LANG": "C.UTF-8", "PATH": os.environ.get("PATH", "")},
            start_new_session=True,
        )
        if self._ask(b"", START_SECONDS) is not None:
            return True
        self.kill()
        return False

    def _ask(self, question: bytes, seconds: float) -> bytes | None:
        """The next line that the worker writes; None when it died or `seconds` went by."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        deadline = time.monotonic() + seconds
        try:
            process.stdin.write(question)
            process.stdin.flush()
            poll = select.poll()
            poll.register(process.stdout, select.POLLIN)
            while b"\n" not in self._unread:
                left = deadline - time.monotonic()
                if left <= 0 or not poll.poll(left * 1000 + 1):
                    return None
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    return None
                self._unread += chunk
        except (OSError, ValueError):  # it ended, or was closed from another thread
            return None
        line, _, self._unread = self._unread.partition(b"\n")
        return line
