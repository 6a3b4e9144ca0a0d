"""A few processes that run math-verify and can be killed, one pair at a time each.

math-verify hangs past its own timeouts, can eat all memory, and breaks in threads other than the main one (there it
raises, and frameworks that swallow it score everything 0). So it runs in processes of its own, which are killed by
wall clock and limited in memory. The pool itself may be used from any thread.

A worker lives no longer than the thread that started it, which is how it ends with a process that is killed; so the
threads are the pool's own and live as long as the pool.
"""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ot_assets.strategies.verify.verdict import Judgement, Verdict

WORKER = Path(__file__).with_name("math_worker.py")
MEMORY_MB = 2048
START_SECONDS = 120.0
Pair = tuple[str, str]


class MathPool:
    """Judges (gold, given) pairs with at most `seconds` each, `workers` at a time (default: one a core).

    A worker that is late or dies is killed and its pair alone gets `timeout` or `error`; the next pair gets a new
    worker, whose start is not counted. Workers start with the first pair.
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
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.kill()
        # A thread may have been about to start one.
        self._threads.shutdown()
        for worker in self._workers:
            worker.kill()

    def judge(self, pairs: Iterable[Pair]) -> Iterator[Judgement]:
        """One judgement a pair, in order."""
        yield from self._threads.map(self._judge, pairs)

    def _judge(self, pair: Pair) -> Judgement:
        worker = self._idle.get()
        try:
            return worker.judge(pair, self._seconds)
        finally:
            self._idle.put(worker)


class _Worker:
    """One process of `math_worker.py`, started when it is needed."""

    def __init__(self, memory_mb: int, seconds: float) -> None:
        self._memory_mb = memory_mb
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def judge(self, pair: Pair, seconds: float) -> Judgement:
        if self._process is None and not self._start():
            return Judgement(Verdict.UNAVAILABLE, "math-verify did not start: is it installed?")
        start = time.monotonic()
        line = self._ask(json.dumps({"gold": pair[0], "given": pair[1]}).encode() + b"\n", seconds)
        spent = time.monotonic() - start
        if line is None:
            ended = self._process is None or self._process.poll() is not None
            self.kill()
            if ended and spent < seconds:
                return Judgement(Verdict.ERROR, "math-verify's process died", spent)
            return Judgement(Verdict.TIMEOUT, f"math-verify was stopped after {seconds:g} seconds", spent)
        reply = json.loads(line)
        if "memory" in reply["reason"] and reply["verdict"] == "error":
            self.kill()
        return Judgement(Verdict(reply["verdict"]), reply["reason"], spent)

    def kill(self) -> None:
        process, self._process, self._unread = self._process, None, b""
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()

    def _start(self) -> bool:
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
        except OSError:
            return None
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
        line, _, self._unread = self._unread.partition(b"\n")
        return line
