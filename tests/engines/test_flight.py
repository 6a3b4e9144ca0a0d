from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from ot_resources.generators.engine import Completion, EngineDied, Throttled, TimedOut, TryAgain, Unreachable
from ot_resources.generators.flight import Broken, Flight, Patience, Runner, Ticket
from ot_resources.interfaces import BadInput, FinishReason, Request
from tests.engines.rule_engine import ask, echo

QUICK = Patience(attempts=3, pause=0.01, longest_pause=0.05, breaker=5, unanswered=1.0, restarts=2)


@dataclass
class Moody:
    """Answers as `mood` says for (question, how often it was asked before): it may raise."""

    mood: Callable[[str, int], None] = lambda question, times: None
    seconds: float = 0.0
    concurrency: int = 16
    tries: list[tuple[float, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    life: list[str] = field(default_factory=list)
    name: str = "moody 1"
    model: str = "moody@1"

    async def start(self) -> None:
        self.life.append("start")

    async def stop(self) -> None:
        self.life.append("stop")

    async def answer(self, request: Request, seed: int) -> Completion:
        question = request.messages[0].content
        times = sum(q == question for _, q in self.tries)
        self.tries.append((time.monotonic(), question))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            self.mood(question, times)
        finally:
            self.at_once -= 1
        return echo(request)


def fly(engine: Moody, questions: list[str], patience: Patience = QUICK, **settings) -> dict[str, Completion]:
    """All completions by question; what ends the flight is raised."""
    done: dict[str, Completion] = {}
    news = threading.Event()

    def deliver(key: str, completion: Completion) -> None:
        assert key not in done
        done[key] = completion
        flight.stored(1)
        news.set()

    runner = Runner(engine)
    flight = Flight(runner, deliver, news.set, patience=patience, **settings)
    try:
        flight.ask(Ticket(question, ask(question), 7) for question in questions)
        deadline = time.monotonic() + 30
        while len(done) < len(questions) and flight.failure is None and time.monotonic() < deadline:
            news.wait(0.1)
            news.clear()
        if flight.failure is not None:
            raise flight.failure
        return done
    finally:
        flight.close()
        runner.stop()


def names(count: int) -> list[str]:
    return [f"q{n}" for n in range(count)]


def failing(times: int, error: Exception) -> Callable[[str, int], None]:
    """Fails each question so often at first."""

    def mood(question: str, before: int) -> None:
        if before < times:
            raise error

    return mood


def test_so_many_are_with_the_engine_at_once_and_no_more():
    engine = Moody(seconds=0.01)
    assert len(fly(engine, names(100))) == 100
    assert engine.most_at_once == 16
    assert engine.life == ["start", "stop"]


def test_they_start_in_the_order_given():
    engine = Moody(concurrency=1)
    fly(engine, names(20))
    assert [question for _, question in engine.tries] == names(20)


def test_a_failed_request_is_tried_again_after_a_pause_that_grows():
    engine = Moody(failing(2, TryAgain("HTTP 500")))
    done = fly(engine, ["q"], replace(QUICK, pause=0.1, longest_pause=1.0))
    assert done["q"].finish_reason == FinishReason.STOP
    first, second, third = (when for when, _ in engine.tries)
    assert 0.05 <= second - first < third - second + 0.1


def test_a_request_that_keeps_failing_comes_back_with_its_error_and_stops_nobody():
    engine = Moody(lambda question, _: failing(99, TryAgain("HTTP 500: no"))(question, 0) if question == "q3" else None)
    done = fly(engine, names(30))
    assert (done["q3"].error, done["q3"].final) == ("HTTP 500: no", False)
    assert sum(completion.error is None for completion in done.values()) == 29
    assert sum(question == "q3" for _, question in engine.tries) == 3


def test_fewer_at_once_when_it_is_too_much_and_nobody_loses_a_try():
    """An endpoint that takes four at a time."""
    engine = Moody(seconds=0.01)

    def mood(question: str, _: int) -> None:
        if engine.at_once > 4:
            raise Throttled("HTTP 429")

    engine.mood = mood
    done = fly(engine, names(200), replace(QUICK, unanswered=20.0))
    assert all(completion.error is None for completion in done.values())
    assert len(engine.tries) < 600


def test_retry_after_is_kept_to():
    engine = Moody()
    told = []

    def mood(question: str, _: int) -> None:
        if not told:
            told.append(time.monotonic())
            raise Throttled("HTTP 429", after=0.6)

    engine.mood = mood
    engine.concurrency = 1
    fly(engine, names(3))
    assert engine.tries[1][0] - told[0] >= 0.55


def test_answers_that_come_too_late_halve_what_is_in_flight():
    engine = Moody(failing(1, TimedOut("no answer in 5 s")), concurrency=8)
    runner = Runner(engine)
    done: list[str] = []
    flight = Flight(runner, lambda key, _: done.append(key), lambda: None, patience=replace(QUICK, breaker=99))
    flight.ask(Ticket(question, ask(question), 7) for question in names(8))
    deadline = time.monotonic() + 10
    while len(done) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(done) == 8
    assert 4 <= flight.limit <= 7
    flight.close()
    runner.stop()


@pytest.mark.parametrize("error", [Unreachable("connection refused"), TryAgain("HTTP 500")])
def test_an_endpoint_that_fails_for_everybody_ends_it_soon_with_few_tries(error):
    engine = Moody(failing(10**6, error))
    with pytest.raises(Broken, match=rf"moody 1: nothing was answered for \d s; last: {error}"):
        fly(engine, names(1000), replace(QUICK, pause=0.05))
    assert len(engine.tries) < 60


def test_many_rows_that_always_fail_keep_no_other_waiting():
    """The first seventy, in a row."""
    bad = set(names(70))
    engine = Moody(lambda question, _: failing(99, TryAgain("HTTP 500"))(question, 0) if question in bad else None)
    done = fly(engine, names(300))
    assert {question for question, completion in done.items() if completion.error} == bad


def test_where_only_rows_that_always_fail_are_left_it_ends_well():
    engine = Moody(failing(10**6, TryAgain("HTTP 500")), concurrency=64)
    done = fly(engine, names(40), replace(QUICK, unanswered=0.5))
    assert all(completion.error == "HTTP 500" for completion in done.values())


def test_an_endpoint_that_comes_back_in_time_loses_no_row():
    back = time.monotonic() + 0.7
    engine = Moody()

    def mood(question: str, _: int) -> None:
        if time.monotonic() < back:
            raise Unreachable("connection refused")

    engine.mood = mood
    done = fly(engine, names(300), replace(QUICK, unanswered=20.0))
    assert all(completion.error is None for completion in done.values())


def test_rows_that_fail_at_the_end_do_not_look_like_an_ill_endpoint():
    bad = set(names(400)[::10])
    engine = Moody(lambda question, _: failing(99, TryAgain("HTTP 500"))(question, 0) if question in bad else None)
    done = fly(engine, names(400))
    assert {question for question, completion in done.items() if completion.error} == bad


def test_an_engine_that_died_is_started_again_and_all_that_were_with_it_are_asked_again():
    engine = Moody(seconds=0.02)
    died = []

    def mood(question: str, _: int) -> None:
        if len(engine.tries) >= 20 and not died:
            died.append(question)
        if died and engine.life == ["start"]:
            raise EngineDied("the engine's process is gone")

    engine.mood = mood
    done = fly(engine, names(60))
    assert all(completion.error is None for completion in done.values())
    assert engine.life == ["start", "stop", "start", "stop"]


def test_an_engine_that_dies_again_and_again_ends_it():
    engine = Moody(failing(10**6, EngineDied("the engine's process is gone")))
    with pytest.raises(Broken, match=r"moody 1: the engine's process is gone \(started again 2 times\)"):
        fly(engine, names(10))
    assert engine.life.count("start") == 3


def test_what_makes_no_sense_for_anybody_ends_it_at_once():
    engine = Moody(failing(10**6, BadInput("no model 'x' at http://localhost")), concurrency=1)
    with pytest.raises(BadInput, match="no model 'x'"):
        fly(engine, names(10))
    assert len(engine.tries) == 1


def test_an_engine_that_cannot_start_says_why():
    engine = Moody()

    async def start() -> None:
        raise BadInput("no GPU here")

    engine.start = start  # type: ignore[method-assign]
    with pytest.raises(BadInput, match="no GPU here"):
        fly(engine, names(10))
    assert engine.tries == []


def test_what_may_not_start_any_more_comes_back_pending():
    engine = Moody(concurrency=2)
    done = fly(engine, names(50), may_start=lambda: "the budget is spent" if len(engine.tries) >= 10 else None)
    pending = [completion for completion in done.values() if completion.finish_reason == FinishReason.PENDING]
    assert len(pending) == 40
    assert pending[0].error == "not asked: the budget is spent"


def test_what_is_not_safe_yet_counts():
    engine = Moody(concurrency=4)
    runner = Runner(engine)
    delivered: list[str] = []
    flight = Flight(runner, lambda key, _: delivered.append(key), lambda: None)
    flight.ask(Ticket(question, ask(question), 7) for question in names(50))
    time.sleep(0.5)
    assert len(delivered) == 16
    flight.stored(3)
    time.sleep(0.5)
    assert len(delivered) == 19
    flight.close()
    runner.stop()
