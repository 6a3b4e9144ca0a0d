"""Makes completions durable in groups, in a thread of its own, and only then tells of them."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from ot_resources.files import is_full
from ot_resources.generators.engine import Completion, Engine
from ot_resources.generators.flight import Broken
from ot_resources.generators.ledger import Ledger, Written
from ot_resources.interfaces import FinishReason, Request

_FLUSH_SECONDS = 0.05
_AT_ONCE = 256

_Answers = list[tuple[str, Completion]]


class Writer:
    """Takes completions from the engine's thread with `put`, and writes each as it comes: it outlives this process.

    Some twenty times a second what was written is flushed, and then `stored` is called with those keys and completions,
    the failed ones among them, from the writer's thread; with none of them when nothing can be written: `failure` says
    why.
    """

    def __init__(
        self,
        ledger: Ledger,
        engine: Engine,
        request: Callable[[str], Request],
        stored: Callable[[_Answers], None],
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._request = request
        self._stored = stored
        self._queue: queue.SimpleQueue[tuple[str, Completion] | None] = queue.SimpleQueue()
        self._unwritten: _Answers = []
        self._unflushed: _Answers = []
        self._written: Written = []
        self._closing = False
        self.failure: Broken | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def put(self, key: str, completion: Completion) -> None:
        self._queue.put((key, completion))

    def close(self) -> None:
        """Write what there is, and end. Broken: it cannot be written, also not at this last try."""
        self._queue.put(None)
        self._thread.join()
        if self.failure is not None:
            self.failure = None
            self._try(self._write)
            self._try(self._flush)
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        due = 0.0
        while not self._closing:
            self._take(due - time.monotonic() if self._unflushed and self.failure is None else None)
            if self.failure is not None:
                continue  # what still comes in is kept for the last try
            if not self._unflushed:
                due = time.monotonic() + _FLUSH_SECONDS
            self._try(self._write)
            if len(self._unflushed) >= self._engine.concurrency or time.monotonic() >= due or self._closing:
                self._try(self._flush)

    def _take(self, seconds: float | None) -> None:
        """Wait for the next completion, so long at most, and take what is there."""
        with contextlib.suppress(queue.Empty):
            item = self._queue.get(timeout=None if seconds is None else max(0.0, seconds))
            while item is not None:
                self._unwritten.append(item)
                if len(self._unwritten) >= _AT_ONCE:
                    return
                item = self._queue.get_nowait()
            self._closing = True

    def _write(self) -> None:
        answered = [(key, self._request(key), done) for key, done in self._unwritten if is_answer(done)]
        self._written += self._ledger.write(self._engine.model, self._engine.name, answered)
        self._unflushed += self._unwritten
        self._unwritten = []

    def _flush(self) -> None:
        if self._unflushed:
            self._ledger.flush(self._written)
            flushed, self._unflushed, self._written = self._unflushed, [], []
            self._stored(flushed)

    def _try(self, step: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        try:
            step()
        except Exception as error:  # whatever it is, the stage must hear of it
            count = sum(is_answer(done) for _, done in (*self._unwritten, *self._unflushed))
            why = "No space left on device" if is_full(error) else error  # SQLite has words of its own
            self.failure = Broken(
                f"the ledger {self._ledger.folder} cannot be written ({why}): up to {count:,} answers not kept"
            )
            self._stored([])


def is_answer(completion: Completion) -> bool:
    """What was paid for is kept, of use or not; what failed is asked again by the next run."""
    return completion.finish_reason not in (FinishReason.ERROR, FinishReason.PENDING)
