"""Requests in flight: as many at the same time as the engine bears, tried again where that may help, never lost.

- Fewer at once (halved) when the endpoint says that it is too much or does not answer in time; then one more again for
  each round of answers (AIMD). A `Retry-After` is kept to.
- A failed request is tried again after a pause that doubles, some times; then it comes back with its error.
- When one request after another fails at its first try, and others have not had theirs, the endpoint is ill, not the
  requests: one at a time is tried, each time another (a circuit breaker). When none was answered for too long, the
  flight ends with `Broken`.
- An engine that died is started again, a limited number of times.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ot_resources.generators.engine import Completion, Engine, EngineDied, Throttled, TimedOut, TryAgain, Unreachable
from ot_resources.interfaces import FinishReason, Request

log = logging.getLogger("ot.ledger")

_CLOSE_SECONDS = 5.0


class Broken(Exception):
    """The engine cannot go on. The message is one line; what was answered is kept."""


@dataclass(frozen=True)
class Patience:
    """How long an engine is borne with: tries of a request, failures in a row that are the endpoint's own; seconds."""

    attempts: int = 5
    pause: float = 1.0
    longest_pause: float = 60.0
    breaker: int = 20
    unanswered: float = 600.0
    restarts: int = 2


PATIENCE = Patience()


@dataclass
class Ticket:
    """One request on its way. `tries` counts those that failed."""

    key: str
    request: Request
    seed: int
    tries: int = 0


class Runner:
    """An engine and the event loop that it lives on, in a thread of its own; started with the first request."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.loop = _new_loop()
        self._starting = asyncio.Lock()
        self._running = False
        # How many flights are under way.
        self.users = 0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    async def ready(self) -> None:
        """Start the engine unless it is running."""
        async with self._starting:
            if not self._running:
                await self.engine.start()
                self._running = True

    async def again(self) -> None:
        """Stop the engine, whatever is left of it, and start it."""
        async with self._starting:
            self._running = False
            with contextlib.suppress(Exception):  # of a dead engine there may be nothing left to stop
                await self.engine.stop()
            await self.engine.start()
            self._running = True

    def stop(self, seconds: float = 30.0) -> None:
        """Let go of the engine and of the thread."""
        if not self._thread.is_alive():
            return
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result(seconds)
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(seconds)

    async def _stop(self) -> None:
        async with self._starting:
            if self._running:
                self._running = False
                await self.engine.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()


class Flight:
    """The requests of one stage on a runner.

    `deliver` is called with each key and its completion, and `changed` whenever there is news, both from the runner's
    thread. `may_start` is asked before each request: once it says why not, all that have not started come back
    `pending`; so is `is_full`, with how many are with the engine: no other joins them while it says so.
    What was delivered and is not safe yet (`stored` says so) counts: of all that was asked, a power cut costs at most
    four times as many requests as may be with the engine.
    """

    def __init__(
        self,
        runner: Runner,
        deliver: Callable[[str, Completion], None],
        changed: Callable[[], None],
        may_start: Callable[[], str | None] = lambda: None,
        is_full: Callable[[int], bool] = lambda flying: False,
        patience: Patience = PATIENCE,
    ) -> None:
        self._runner = runner
        self._engine = runner.engine
        self._deliver = deliver
        self._changed = changed
        self._may_start = may_start
        self._is_full = is_full
        self._patience = patience
        self._waiting: deque[Ticket] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken = self._begun = 0
        self._delivered = self._stored = 0
        self._limit = float(self._engine.concurrency)
        self._cut_at = 0.0
        self._paused_until = 0.0
        self._pause = patience.pause
        self._failed_in_a_row = 0
        self._answered_at = time.monotonic()
        self._restarts = 0
        self._starting: asyncio.Task[None] | None = None
        self.started = False
        self.started_at: float | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._closed = False
        self.failure: BaseException | None = None
        self.concurrency = runner.engine.concurrency
        runner.users += 1

    @property
    def flying(self) -> int:
        """How many requests are with the engine now."""
        return len(self._tasks)

    @property
    def backlog(self) -> int:
        """How many requests have not started, or rest before another try."""
        return self._taken - self._begun

    @property
    def _unsafe(self) -> int:
        return len(self._tasks) + self._delivered - self._stored

    @property
    def limit(self) -> int:
        """How many requests may be with the engine at the same time now."""
        return max(1, int(self._limit))

    def ask(self, tickets: Iterable[Ticket]) -> None:
        """Take requests on; they start in this order."""
        tickets = list(tickets)
        self._taken += len(tickets)
        self._runner.loop.call_soon_threadsafe(self._take, tickets)

    def stored(self, requests: int) -> None:
        """So many of the delivered are safe by now. From any thread."""
        self._runner.loop.call_soon_threadsafe(self._safe, requests)

    def close(self) -> None:
        """End it; what is with the engine is given up."""
        done = threading.Event()
        self._runner.loop.call_soon_threadsafe(self._end, done)
        done.wait(_CLOSE_SECONDS)
        self._runner.users -= 1

    def _take(self, tickets: list[Ticket]) -> None:
        self._waiting.extend(tickets)
        self._dispatch()

    def _safe(self, requests: int) -> None:
        self._stored += requests
        self._dispatch()

    def _end(self, done: threading.Event) -> None:
        self._closed = True
        self._waiting.clear()
        tasks = [*self._tasks, *([self._starting] if self._starting else [])]
        for task in tasks:
            task.cancel()
        if not tasks:
            done.set()
            return
        ended = asyncio.ensure_future(asyncio.wait(tasks, timeout=_CLOSE_SECONDS))
        ended.add_done_callback(lambda _: done.set())

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
        self._closed = True
        self._changed()

    def _dispatch(self) -> None:
        """Start what may start."""
        if self._closed or not self._waiting:
            return
        if not self.started:
            if self._starting is None:
                self._starting = self._runner.loop.create_task(self._start())
            return
        wait = self._paused_until - time.monotonic()
        if wait > 0:
            if self._wake is None:
                self._wake = self._runner.loop.call_later(wait, self._woken)
            return
        while self._waiting and len(self._tasks) < self.limit and self._unsafe < 4 * self.concurrency:
            if (stopped := self._may_start()) is not None:
                self._withdraw(stopped)
                return
            if self._tasks and self._is_full(len(self._tasks)):
                return
            self._begun += 1
            task = self._runner.loop.create_task(self._one(self._waiting.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._landed)

    def _woken(self) -> None:
        self._wake = None
        self._dispatch()

    async def _start(self) -> None:
        try:
            await (self._runner.again() if self._restarts else self._runner.ready())
        except Exception as error:  # whatever it is, the stage must hear of it
            self._fail(Broken(f"{self._engine.name}: {error}") if isinstance(error, EngineDied) else error)
            return
        self._starting = None
        self.started = True
        self.started_at = time.monotonic()
        self._answered_at = time.monotonic()
        self._dispatch()

    def _withdraw(self, why: str) -> None:
        while self._waiting:
            ticket = self._waiting.popleft()
            self._begun += 1
            self._hand_over(ticket.key, Completion("", FinishReason.PENDING, 0, 0, f"not asked: {why}"))

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
        self._dispatch()

    async def _one(self, ticket: Ticket) -> None:
        restarts, began = self._restarts, time.monotonic()
        try:
            completion = await self._engine.answer(ticket.request, ticket.seed)
        except Throttled as error:
            self._slower(began)
            self._wait(error.after)
            self._back(ticket, str(error))
        except TryAgain as error:
            if isinstance(error, TimedOut):
                self._slower(began)
            self._failed(ticket, error)
        except EngineDied as error:
            self._again(ticket)
            if restarts == self._restarts:  # the first of all that were with it
                self._revive(str(error))
        else:
            self._failed_in_a_row = 0
            self._pause = self._patience.pause
            self._answered_at = time.monotonic()
            self._limit = min(float(self._engine.concurrency), self._limit + 1 / self._limit)
            self._hand_over(ticket.key, completion)

    def _hand_over(self, key: str, completion: Completion) -> None:
        self._delivered += 1
        self._deliver(key, completion)

    def _slower(self, began: float) -> None:
        """Half as many at once; what was on its way before the last cut says nothing new."""
        if began >= self._cut_at:
            self._cut_at = time.monotonic()
            self._limit = max(1.0, self._limit / 2)

    def _wait(self, seconds: float | None) -> None:
        """Nobody starts for so long, nor for a pause that doubles with each time."""
        now = time.monotonic()
        own = 0.0
        if now >= self._paused_until:
            own = self._pause * random.uniform(0.5, 1.0)
            self._pause = min(self._pause * 2, self._patience.longest_pause)
        self._rest(max(seconds or 0.0, own))

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + min(seconds, self._patience.unanswered)
        self._paused_until = max(self._paused_until, until)

    def _back(self, ticket: Ticket, said: str) -> None:
        """Ask it again when it may start; unless nothing was answered for too long."""
        self._is_given_up(said)
        self._again(ticket)

    def _is_given_up(self, said: str) -> bool:
        """Whether nothing was answered for too long; the flight has ended then."""
        unanswered = time.monotonic() - self._answered_at
        if unanswered > self._patience.unanswered:
            self._fail(Broken(f"{self._engine.name}: nothing was answered for {unanswered:,.0f} s; last: {said}"))
        return unanswered > self._patience.unanswered

    def _again(self, ticket: Ticket) -> None:
        self._begun -= 1
        self._waiting.appendleft(ticket)

    def _failed(self, ticket: Ticket, error: TryAgain) -> None:
        fresh = ticket.tries == 0
        self._failed_in_a_row += fresh
        ill = self._failed_in_a_row >= self._patience.breaker
        if ill and isinstance(error, Unreachable):
            self._limit = 1.0
            self._wait(None)
            self._back(ticket, str(error))
            return
        ticket.tries += 1
        if ill and fresh and any(waiting.tries == 0 for waiting in self._waiting):
            self._limit = 1.0
            self._rest(self._patience.pause)
            if self._is_given_up(str(error)):
                return
        if ticket.tries >= self._patience.attempts:
            self._hand_over(ticket.key, Completion("", FinishReason.ERROR, 0, 0, str(error)))
            return
        pause = min(self._patience.pause * 2 ** (ticket.tries - 1), self._patience.longest_pause)
        self._begun -= 1
        self._runner.loop.call_later(pause * random.uniform(0.5, 1.0), self._rested, ticket)

    def _rested(self, ticket: Ticket) -> None:
        # Behind those that had no try yet: a few that always fail keep nobody waiting.
        self._waiting.append(ticket)
        self._dispatch()

    def _revive(self, said: str) -> None:
        if self._starting is not None or self._closed:
            return
        self._restarts += 1
        if self._restarts > self._patience.restarts:
            again = f" (started again {self._patience.restarts} times)" if self._patience.restarts else ""
            self._fail(Broken(f"{self._engine.name}: {said}{again}"))
            return
        log.warning("%s: %s; starting it again", self._engine.name, said)
        self.started = False
        self._starting = self._runner.loop.create_task(self._start())


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not on every platform; asyncio's own loop does the same, slower
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
