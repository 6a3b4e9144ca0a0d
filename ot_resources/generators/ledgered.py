"""A Generator with the ledger in front of it: what is stored is read, what is missing is asked, all in the order asked.

    requests -> look up -> claim -> flight (many at once) -> ledger (in groups) -> read back -> responses

Three threads: the caller's reads requests and hands out responses; the engine's answers; a writer's makes durable what
was answered, some twenty times a second, also while the caller is busy with something else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ot_resources.generators.budget import UNLIMITED, Allowance, Budget
from ot_resources.generators.engine import Completion, request_key, request_seed
from ot_resources.generators.flight import PATIENCE, Broken, Flight, Patience, Runner, Ticket
from ot_resources.generators.ledger import Ledger, question_of
from ot_resources.generators.progress import Progress
from ot_resources.generators.reasoning import split_reasoning
from ot_resources.generators.usage import FREE, Price, Usage
from ot_resources.generators.writing import Writer, is_answer
from ot_resources.interfaces import FinishReason, Request, Response

log = logging.getLogger("ot.ledger")

# Requests are looked up and put in order (longest first) so many at a time, or twice what may be in flight if more.
_BLOCK = 512
# Answers are read back from the ledger when it is their turn, but for so many characters that wait in memory.
_HELD_CHARS = 16 * 2**20
# So many blocks may be read and not handed out, while one answer keeps all others waiting.
_BLOCKS_AHEAD = 16
_READ_BACK = 256
_LOOK_SECONDS = 0.25
_ELSEWHERE_SECONDS = 1.0
_NOTE_SECONDS = 30.0
_SEEN_SECONDS = 20.0


class LedgeredGenerator:
    """A Generator: looks every request up in the ledger, asks the engine for the rest, yields in order.

    `runner` gives the engine on its event loop; it is called when there is something to ask, so that nothing is loaded
    where all is stored. `expected` is how many requests there will be, where somebody knows.
    """

    def __init__(
        self,
        model: str,
        runner: Callable[[], Runner],
        ledger: Ledger,
        run_id: str = "-",
        asset: str = "-",
        *,
        patience: Patience = PATIENCE,
        budget: Budget = UNLIMITED,
        price: Price = FREE,
    ) -> None:
        self.model = model
        self.runner = runner
        self.ledger = ledger
        self.run_id = run_id
        self.asset = asset
        self.patience = patience
        self.budget = budget
        self.usage = Usage(price=price)
        self.expected: int | None = None
        self._allowance: Allowance | None = None

    @property
    def allowance(self) -> Allowance:
        """What is left of the budget for this stage; what it has asked itself is in its own usage."""
        if self._allowance is None:
            self._allowance = self.budget.left_of(self.ledger, self.run_id)
        return self._allowance

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        stream = _Stream(self, iter(requests))
        try:
            yield from stream.responses()
        finally:  # also of what was interrupted
            stream.close()
            self.note()

    def note(self) -> None:
        """Keep the account of this stage in the ledger."""
        self.ledger.note(self.run_id, self.asset, self.model, self.usage.as_dict())


@dataclass
class _Open:
    """A request that was not handed out yet, and how often it was asked for.

    `completion` is why there is no answer, or one that was stored just now; the others are read back.
    """

    request: Request
    times: int = 1
    done: bool = False
    handed_out: bool = False
    completion: Completion | None = None


class _Stream:
    """One stream of requests on its way through."""

    def __init__(self, generator: LedgeredGenerator, requests: Iterator[Request | None]) -> None:
        self._generator = generator
        self._ledger = generator.ledger
        self._usage = generator.usage
        self._requests = requests
        self._exhausted = False
        self._holding = False
        self._order: deque[str] = deque()
        self._open: dict[str, _Open] = {}
        self._mine: set[str] = set()
        self._elsewhere: set[str] = set()
        self._told_elsewhere = False
        # Characters kept and handed out again, each counted by one thread only.
        self._held_in = self._held_out = 0
        self._news = threading.Event()
        self._flight: Flight | None = None
        self._writer: Writer | None = None
        self._allowance = generator.allowance
        self._progress = Progress(generator.asset)
        self._looked = self._noted = self._seen = time.monotonic()

    def responses(self) -> Iterator[Response]:
        """All responses, in order."""
        while True:
            self._read_on()
            if not self._order:
                break
            keys = self._head()
            if not keys:
                self._wait()
            for response in self._handed_out(keys):
                self._holding = False
                yield response
            self._tick()
        self._progress.done(self._usage)

    def close(self) -> None:
        """Stop asking; what was answered is stored."""
        if self._flight is not None:
            self._flight.close()
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            self._ledger.give_up(self._mine)
            if self._flight is not None and self._flight.started_at is not None:
                self._usage.start_waiting(self._flight.started_at)
            self._usage.stop_waiting()

    def _read_on(self) -> None:
        """Read and admit so many requests that the engine does not run dry."""
        block = max(_BLOCK, 2 * self._flight.concurrency) if self._flight else _BLOCK
        while not self._exhausted and not self._holding and len(self._order) < _BLOCKS_AHEAD * block:
            if self._flight is None and self._order:
                return  # all stored so far: hand that out first
            if self._flight is not None and self._flight.backlog >= self._flight.limit:
                return
            self._admit(self._next(block))
            if self._holding and not self._order:
                raise RuntimeError("the requests wait for responses, and all responses were given")

    def _next(self, most: int) -> list[Request]:
        block: list[Request] = []
        while len(block) < most:
            try:
                request = next(self._requests)
            except StopIteration:
                self._exhausted = True
                break
            if request is None:
                self._holding = True
                break
            block.append(request)
        return block

    def _admit(self, block: list[Request]) -> None:
        new: dict[str, Request] = {}
        for request in block:
            key = request_key(self._generator.model, request)
            self._order.append(key)
            if key in self._open:
                self._open[key].times += 1
            else:
                self._open[key] = _Open(request)
                new[key] = request
        self._usage.requested += len(block)
        stored = self._ledger.have(new)
        for key in stored:
            self._open[key].done = True
        self._usage.count_reused(len(stored))
        self._ask([key for key in new if key not in stored])

    def _ask(self, keys: list[str]) -> None:
        """Ask what nobody else is asking; the rest is looked for again."""
        if not keys:
            return
        if (stopped := self._allowance.stopped(self._usage)) is not None:
            for key in keys:
                self._done(key, Completion("", FinishReason.PENDING, 0, 0, f"not asked: {stopped}"))
            return
        flight = self._flight or self._take_off()
        mine = self._ledger.claim(keys)
        self._mine |= mine
        self._elsewhere.update(key for key in keys if key not in mine)
        wanted = self._longest_first([key for key in keys if key in mine])
        flight.ask([Ticket(key, self._open[key].request, request_seed(key)) for key in wanted])

    def _longest_first(self, keys: list[str]) -> list[str]:
        """Long answers first, so that none of them is alone at the end; the samples of a question stay together.

        As long as the answers that the question has so far; one without any has the mean length of the others.
        """
        questions = {key: question_of(self._generator.model, self._open[key].request) for key in keys}
        known = self._ledger.lengths_of(set(questions.values()))
        if not known:
            return keys
        mean = sum(known.values()) / len(known)
        return sorted(keys, key=lambda key: -known.get(questions[key], mean))

    def _take_off(self) -> Flight:
        runner = self._generator.runner()
        self._writer = Writer(self._ledger, runner.engine, self._request, self._stored)
        self._flight = Flight(
            runner,
            self._landed,
            self._news.set,
            lambda: self._allowance.stopped(self._usage),
            lambda flying: self._allowance.is_full(self._usage, flying),
            self._generator.patience,
        )
        return self._flight

    def _landed(self, key: str, completion: Completion) -> None:
        """What came of a request. From the engine's thread."""
        assert self._writer is not None
        self._usage.spend(completion)
        self._writer.put(key, completion)

    def _request(self, key: str) -> Request:
        return self._open[key].request

    def _stored(self, written: list[tuple[str, Completion]]) -> None:
        """What was asked is on disk or has failed; none where nothing can be written. From the writer's thread."""
        for key, completion in written:
            self._done(key, completion)
        self._ledger.give_up(key for key, completion in written if not is_answer(completion))
        if self._flight is not None:
            self._flight.stored(len(written))
        self._news.set()

    def _done(self, key: str, completion: Completion) -> None:
        self._usage.count(completion)
        open_ = self._open[key]
        if not is_answer(completion) or self._held_in - self._held_out < _HELD_CHARS:
            open_.completion = completion
            if completion.text:
                self._held_in += len(completion.text)
        open_.done = True

    def _head(self) -> list[str]:
        """The keys at the head of the order that are done, up to some hundred."""
        keys: list[str] = []
        for key in self._order:
            if not self._open[key].done or len(keys) == _READ_BACK:
                break
            keys.append(key)
        return keys

    def _handed_out(self, keys: list[str]) -> Iterator[Response]:
        """The responses of keys that are done."""
        stored = self._ledger.read({key for key in keys if self._open[key].completion is None})
        for key in keys:
            open_ = self._open[key]
            completion = open_.completion or stored.get(key)
            if completion is None:  # damaged on disk
                if key not in self._mine:
                    self._usage.count_reused(-1)
                open_.done = False
                self._ask([key])
                return
            if open_.handed_out:  # the same request again
                self._usage.count_again(completion)
            else:
                self._usage.hand_out(completion)
            open_.handed_out = True
            self._order.popleft()
            open_.times -= 1
            if not open_.times:
                del self._open[key]
                if open_.completion is not None:
                    self._held_out += len(open_.completion.text)
                if is_answer(completion):  # stored, and so nobody's claim any more
                    self._mine.discard(key)
            yield _response(key, self._generator.model, completion)

    def _wait(self) -> None:
        if self._flight is not None and self._flight.started_at is not None:
            self._usage.start_waiting(self._flight.started_at)
        self._news.wait(_LOOK_SECONDS)
        self._news.clear()
        failures = [part.failure for part in (self._writer, self._flight) if part and part.failure]
        if isinstance(failures[0] if failures else None, Broken):
            kept = f"{self._usage.answered:,} new answers are kept; run again to go on from there"
            raise Broken(f"{failures[0]}; {kept}") from None
        if failures:
            raise failures[0]

    def _tick(self) -> None:
        """What is due now and then: a look at what others are asking, the account, a word on how it goes."""
        now = time.monotonic()
        if self._mine and now - self._seen > _SEEN_SECONDS:
            self._seen = now
            self._ledger.still_here()
        if self._elsewhere and now - self._looked > _ELSEWHERE_SECONDS:
            self._looked = now
            self._look_elsewhere()
        if now - self._noted > _NOTE_SECONDS:
            self._noted = now
            self._generator.note()
        if self._flight is not None:
            flying = self._flight.flying if self._flight.started else None
            self._progress.tell(self._usage, flying, self._generator.expected)

    def _look_elsewhere(self) -> None:
        """What another process was asking is there by now, or may be asked once that has failed or is gone."""
        answered = self._ledger.have(self._elsewhere)
        for key in answered:
            self._open[key].done = True
        self._usage.count_reused(len(answered))
        left, self._elsewhere = self._elsewhere - answered, set()
        if left and not self._told_elsewhere:
            self._told_elsewhere = True
            log.info("%s: %s requests are being asked by another run; waiting", self._generator.asset, f"{len(left):,}")
        self._ask([key for key in self._open if key in left])


def _response(key: str, model: str, completion: Completion) -> Response:
    reasoning, answer = split_reasoning(completion.text)
    held_back = completion.finish_reason == FinishReason.CONTENT_FILTER
    return Response(
        response_id=key,
        model=model,
        text=completion.text,
        reasoning=reasoning,
        answer=answer,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        error="held back by the endpoint's content filter" if held_back else completion.error,
    )
