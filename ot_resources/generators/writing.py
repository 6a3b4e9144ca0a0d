"""Makes completions durable in groups, in a thread of its own, and only then tells of them."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable

from ot_resources.generators.engine import Completion, Engine
from ot_resources.generators.flight import Broken
from ot_resources.generators.ledger import Ledger
from ot_resources.interfaces import FinishReason, Request

_COMMIT_SECONDS = 0.05
_COMMIT_ROWS = 2_000


class Writer:
    """Takes completions from the engine's thread with `put`.

    `stored` is called with the keys and completions of a group once that is on disk, from the writer's thread; with
    none of them when nothing can be written: `failure` says why.
    """

    def __init__(
        self,
        ledger: Ledger,
        engine: Engine,
        request: Callable[[str], Request],
        stored: Callable[[list[tuple[str, Completion]]], None],
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._request = request
        self._stored = stored
        self._queue: queue.SimpleQueue[tuple[str, Completion] | None] = queue.SimpleQueue()
        self._unwritten: list[tuple[str, Completion]] = []
        self.failure: Broken | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def put(self, key: str, completion: Completion) -> None:
        self._queue.put((key, completion))

    def close(self) -> None:
        """Write what there is, and end. Broken: it cannot be written, also not at this last try."""
        self._queue.put(None)
        self._thread.join()
        if self._unwritten:
            self._write()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        last = False
        while not last and self.failure is None:
            first = self._queue.get()
            if first is not None:
                self._wait()
            last = self._gather(first)
            self._write()
        while not last:  # nothing can be written: what still comes in is kept for the last try
            last = self._gather(self._queue.get())

    def _wait(self) -> None:
        """For more, some milliseconds; not where as many came in as are asked at the same time."""
        until = time.monotonic() + _COMMIT_SECONDS
        while self._queue.qsize() < self._engine.concurrency and time.monotonic() < until:
            time.sleep(_COMMIT_SECONDS / 10)

    def _gather(self, first: tuple[str, Completion] | None) -> bool:
        """Take what has come in; whether that was the last."""
        if first is None:
            return True
        self._unwritten.append(first)
        while len(self._unwritten) < _COMMIT_ROWS:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return False
            if item is None:
                return True
            self._unwritten.append(item)
        return False

    def _write(self) -> None:
        answered = [(key, self._request(key), done) for key, done in self._unwritten if is_answer(done)]
        try:
            self._ledger.add(self._engine.model, self._engine.name, answered)
        except (OSError, sqlite3.Error) as error:
            lost = f"{len(answered):,} answers" if answered else "what comes in"
            self.failure = Broken(f"the ledger {self._ledger.folder} cannot be written ({error}): {lost} not kept")
            self._stored([])
            return
        self.failure = None
        written, self._unwritten = self._unwritten, []
        self._stored(written)


def is_answer(completion: Completion) -> bool:
    """What was paid for is kept, of use or not; what failed is asked again by the next run."""
    return completion.finish_reason not in (FinishReason.ERROR, FinishReason.PENDING)
