"""Questions that are asked on until enough of their answers are right, many at a time, each at its own pace.

    question -> `first` requests -> answers -> verdicts -> as many as right ones are missing -> ... -> finished

What is asked of a question depends on its answers alone; how many questions are open, and which verdict comes first,
decides only when it is asked. Verdicts are made in a thread of their own, so that the teacher is never kept waiting.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import polars as pl

from ot_assets.strategies.answers.asked import Asked, has_answer
from ot_assets.strategies.verify.checker import NOT_CHECKED, READS, Check, Kind, open_checker
from ot_assets.strategies.verify.verdict import Row, Verdict
from ot_resources.interfaces import BadInput, FinishReason, Message, Request, Response, Sampling, Sandbox

# Questions that are asked at the same time. Responses come in the order of the requests, so that a long one keeps many
# short ones waiting, and the engine must not run dry meanwhile.
OPEN_QUESTIONS = 1024
# Characters of answers that are held, most of them behind a question that takes many rounds; no new one is opened then.
HELD_CHARACTERS = 2**27
# Answers that are judged in one go: all that came while the last ones were judged, but no more.
JUDGED_ROWS = 256


@dataclass
class Question:
    """One question and what is known of it. `samples` were asked, `awaited` have no verdict yet.

    `told` of the others say something about the question, right or not. What they do not tell: a request that failed,
    and an answer that could not be checked.
    """

    batch: pl.DataFrame
    row: int
    messages: tuple[Message, ...]
    awaited: int
    samples: int = 0
    told: int = 0
    right: int = 0
    pending: bool = False
    answers: list[tuple[Asked, Response]] = field(default_factory=list)


@dataclass(frozen=True)
class Rule:
    """How many answers a question gets: `first` at once, then those that are missing to `accepted` right ones.

    No more than `most`, and no more than `give_up` while none is right.
    """

    accepted: int
    most: int
    first: int
    give_up: int

    @classmethod
    def of(cls, where: str, accepted: int, most: int, first: int | None = None, give_up: int | None = None) -> Rule:
        """The rule of a recipe's numbers. BadInput: they contradict each other."""
        for name, number in (("accepted", accepted), ("first", first), ("give_up", give_up)):
            if number is not None and number > most:
                raise BadInput(f"{where}: '{name}' ({number}) is above 'most' ({most}), the answers that may be asked")
        if first is not None and give_up is not None and first > give_up:
            raise BadInput(f"{where}: 'first' ({first}) is above 'give_up' ({give_up}); all of the first are asked")
        give_up = most if give_up is None else give_up
        return cls(accepted, most, min(accepted, give_up) if first is None else first, give_up)

    def more(self, question: Question) -> int:
        """How many answers to ask for next; 0 when the question is finished.

        It is also where nothing more can be learned: the budget is spent, or none of its answers told anything.
        """
        if question.pending or not question.told:
            return 0
        limit = self.most if question.right else self.give_up
        return max(0, min(self.accepted - question.right, limit - question.samples))


class Verdicts:
    """Judges answers in `thread`; what comes while it is busy is its next batch."""

    def __init__(self, check: Check, thread: ThreadPoolExecutor) -> None:
        self._check = check
        self._thread = thread
        self._waiting: deque[tuple[Question, Row]] = deque()
        self._judged: list[Question] = []
        self._running: Future[list[Verdict]] | None = None
        self._closed = threading.Event()

    @property
    def busy(self) -> bool:
        return self._running is not None

    def add(self, question: Question, row: Row) -> None:
        self._waiting.append((question, row))

    def ready(self, wait: bool) -> list[tuple[Question, Verdict]]:
        """The verdicts that were made since the last call; with `wait`, at least those of the batch that is judged."""
        made: list[tuple[Question, Verdict]] = []
        if self._running is not None and (wait or self._running.done()):
            made = list(zip(self._judged, self._running.result(), strict=True))
            self._running = None
        if self._running is None and self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), JUDGED_ROWS))]
            self._judged = [question for question, _ in batch]
            self._running = self._thread.submit(self._judge, [row for _, row in batch])
        return made

    def close(self) -> None:
        """Judge no more than the row that is being judged."""
        self._closed.set()

    def _judge(self, rows: list[Row]) -> list[Verdict]:
        verdicts = []
        for judgement in self._check(rows):
            if self._closed.is_set():
                break
            verdicts.append(judgement.verdict)
        return verdicts


@contextmanager
def open_verdicts(kind: Kind, sandbox: Sandbox) -> Iterator[Verdicts]:
    """Verdicts as `verify.<kind>` gives them. At the end of the context what is still judged is given up."""
    with ThreadPoolExecutor(1, thread_name_prefix="verdicts") as thread, open_checker(kind, sandbox) as check:
        verdicts = Verdicts(check, thread)
        try:
            yield verdicts
        finally:
            verdicts.close()


class Rounds:
    """The open questions, in the order in which they came: what to ask next, and which are finished."""

    def __init__(
        self,
        questions: Iterator[tuple[pl.DataFrame, int, tuple[Message, ...]]],
        sampling: Sampling,
        rule: Rule,
        verdicts: Verdicts,
        kind: Kind,
    ) -> None:
        self._new = questions
        self._sampling = sampling
        self._rule = rule
        self._verdicts = verdicts
        self._reads = READS[kind]
        self._open: deque[Question] = deque()
        self._again: deque[Question] = deque()
        self._asked: deque[tuple[Question, Asked]] = deque()
        self._ready: list[tuple[Asked, Response]] = []
        self._unfinished = 0
        self._held = 0

    @property
    def unanswered(self) -> int:
        return len(self._asked)

    def requests(self) -> Iterator[Request | None]:
        """What to ask, and None where that hangs on answers that are not there yet."""
        while True:
            self._settle(wait=False)
            question = self._next()
            if question is not None:
                yield from self._ask(question)
            elif self._verdicts.busy:
                self._settle(wait=True)  # sooner there than another answer
            elif self._asked:
                yield None
            else:
                return

    def take(self, response: Response) -> None:
        """The response to the oldest request without one."""
        question, asked = self._asked.popleft()
        # A teacher's text is its reasoning and its answer once more.
        question.answers.append((asked, replace(response, text="")))
        self._held += _characters(response)
        if has_answer(response):
            row = {"answer": response.answer, self._reads: question.batch.item(question.row, self._reads)}
            self._verdicts.add(question, row)
        else:
            question.pending = question.pending or response.finish_reason == FinishReason.PENDING
            self._count(question, told=response.finish_reason == FinishReason.CONTENT_FILTER)
        self._settle(wait=False)

    def finished(self) -> list[tuple[Asked, Response]]:
        """The answers, since the last call, of questions that are finished and have no unfinished one before them."""
        ready, self._ready = self._ready, []
        return ready

    def _next(self) -> Question | None:
        """A question to ask: again, or else a new one where there is room."""
        if self._again:
            return self._again.popleft()
        if self._unfinished >= OPEN_QUESTIONS or self._held >= HELD_CHARACTERS:
            return None
        batch, row, messages = next(self._new, (None, 0, ()))
        if batch is None:
            return None
        self._unfinished += 1
        self._open.append(Question(batch, row, messages, awaited=self._rule.first))
        return self._open[-1]

    def _ask(self, question: Question) -> Iterator[Request]:
        for sample in range(question.samples, question.samples + question.awaited):
            question.samples += 1
            self._asked.append((question, Asked(question.batch, question.row, sample)))
            yield Request(question.messages, self._sampling, sample)

    def _settle(self, wait: bool) -> None:
        for question, verdict in self._verdicts.ready(wait):
            self._count(question, told=verdict not in NOT_CHECKED, right=verdict is Verdict.RIGHT)

    def _count(self, question: Question, told: bool, right: bool = False) -> None:
        question.told += told
        question.right += right
        question.awaited -= 1
        if question.awaited:
            return
        question.awaited = self._rule.more(question)
        if question.awaited:
            self._again.append(question)
        else:
            self._unfinished -= 1
            self._release()

    def _release(self) -> None:
        while self._open and not self._open[0].awaited:
            answers = self._open.popleft().answers
            self._held -= sum(_characters(response) for _, response in answers)
            self._ready += answers


def _characters(response: Response) -> int:
    return len(response.reasoning or "") + len(response.answer)
