"""An endpoint that fails in every way, behind the ledger: nothing is lost, nothing answered is asked twice, it ends."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ot_resources.generators.engine import Options
from ot_resources.generators.flight import Broken, Patience, Runner
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.generators.server import ServerEngine
from ot_resources.generators.usage import Usage
from ot_resources.interfaces import BadInput, FinishReason, Message, Request, Response, Sampling
from tests.engines.endpoint import TEXT, Fault, Plan, Served, endpoint

QUESTIONS = [f"What is {number} plus {number}?" for number in range(60)]
SEVERAL = (QUESTIONS[3], QUESTIONS[17], QUESTIONS[59])
HASTY = Patience(attempts=6, pause=0.01, longest_pause=0.05, breaker=15, unanswered=1.0)
PATIENT = replace(HASTY, unanswered=10.0)


@dataclass
class Ran:
    """What came out of a run before it ended, and how it ended."""

    responses: list[Response]
    usage: Usage
    error: Exception | None

    @property
    def texts(self) -> list[str]:
        return [response.text for response in self.responses]


def run(
    url: str, ledger: Path, questions: list[str] = QUESTIONS, *, patience: Patience = HASTY, samples: int = 1
) -> Ran:
    """Every question through the ledger in a folder."""
    runner = Runner(ServerEngine("tiny", url, Options(timeout=0.5, concurrency=16)))
    opened = Ledger(ledger)
    generator = LedgeredGenerator(runner.engine.model, lambda: runner, opened, patience=patience)
    ran = Ran([], generator.usage, None)
    requests = (
        Request((Message("user", text),), Sampling(), sample) for text in questions for sample in range(samples)
    )
    try:
        for response in generator.generate(requests):
            ran.responses.append(response)
    except (Broken, BadInput) as error:
        ran.error = error
    finally:
        opened.close()
        runner.stop()
    return ran


ONCE = Counter(QUESTIONS)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=429, first=80),
        Fault("status", status=429, first=80, headers={"Retry-After": "0.05"}),
        Fault("status", status=503, first=30, headers={"retry-after-ms": "50"}),
        Fault("status", status=500, first=40),
        Fault("status", status=502, each=2),
        Fault("status", status=500, after=20, first=40),
        Fault("reset", first=40),
        Fault("reset", each=1),
        Fault("broken", first=40),
        Fault("body", message="", first=40),
        Fault("body", message="<html>", each=2),
        Fault("truncated", first=40),
        Fault("inside", code=500, each=2),
        Fault("inside", code=429, first=40),
        Fault("finish", message="abort", each=1),
        Fault("hang", first=5),
        Fault("drip", seconds=0.02, first=5),
        Fault("hang", asking=SEVERAL, each=2),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status if fault.kind == 'status' else fault.code or ''}",
)
def test_what_passes_leaves_no_trace(served: Served, tmp_path: Path, fault: Fault) -> None:
    served.follow(Plan(faults=(fault,)))
    ran = run(served.url, tmp_path, patience=PATIENT)
    assert ran.error is None
    assert ran.texts == [TEXT] * 60
    assert (ran.usage.requested, ran.usage.answered, ran.usage.failed) == (60, 60, 0)
    assert served.answered() == ONCE
    assert len(served.log()) > 60  # the fault was met
    asked = len(served.log())
    again = run(served.url, tmp_path)
    assert (again.texts, again.usage.reused, len(served.log())) == (ran.texts, 60, asked)


def test_slow_answers_are_waited_for(served: Served, tmp_path: Path) -> None:
    served.follow(Plan(faults=(Fault("slow", seconds=0.2),)))
    assert run(served.url, tmp_path).texts == [TEXT] * 60
    assert len(served.log()) == 60


@pytest.mark.parametrize(
    ("fault", "finish"),
    [
        (Fault("cut", asking=SEVERAL), FinishReason.LENGTH),
        (Fault("filtered", asking=SEVERAL), FinishReason.CONTENT_FILTER),
    ],
)
def test_what_was_paid_for_is_kept_as_it_is(served: Served, tmp_path: Path, fault: Fault, finish: FinishReason) -> None:
    served.follow(Plan(faults=(fault,)))
    ran = run(served.url, tmp_path)
    assert [QUESTIONS[i] for i, r in enumerate(ran.responses) if r.finish_reason == finish] == list(SEVERAL)
    assert len(served.log()) == ran.usage.answered == 60
    again = run(served.url, tmp_path)
    assert again.responses == ran.responses and len(served.log()) == 60


@pytest.mark.parametrize(("status", "tries"), [(500, HASTY.attempts), (400, 1)])
def test_rows_that_fail_for_ever_do_not_stop_the_others_and_heal(
    served: Served, tmp_path: Path, status: int, tries: int
) -> None:
    served.follow(Plan(faults=(Fault("status", status=status, message="no", asking=SEVERAL),)))
    ran = run(served.url, tmp_path)
    failed = {QUESTIONS[i]: r.error for i, r in enumerate(ran.responses) if r.finish_reason == FinishReason.ERROR}
    assert list(failed) == list(SEVERAL) and all(error and error.endswith(": no") for error in failed.values())
    assert (ran.error, ran.usage.answered, ran.usage.failed) == (None, 57, 3)
    tried = Counter(line["question"] for line in served.log())
    assert {tried.pop(text) for text in SEVERAL} == {tries} and set(tried.values()) == {1}

    served.follow(Plan())
    assert run(served.url, tmp_path).texts == [TEXT] * 60
    assert served.answered() == Counter(SEVERAL)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500, after=25),
        Fault("status", status=429, after=25),
        Fault("reset", after=25),
        Fault("hang", after=25),
        Fault("body", message="", after=25),
        Fault("inside", code=500, after=25),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_an_endpoint_that_fails_for_ever_ends_the_run_with_everything_kept(
    served: Served, tmp_path: Path, fault: Fault
) -> None:
    served.follow(Plan(faults=(fault,)))
    began = time.monotonic()
    many = [*QUESTIONS, *(f"and {n} more?" for n in range(900))]  # so that there are always some without a try
    ran = run(served.url, tmp_path, many)
    assert isinstance(ran.error, Broken) and "25 new answers are kept" in str(ran.error)
    assert "\n" not in str(ran.error) and time.monotonic() - began < 10
    first = served.answered()
    assert first.total() == 25
    assert len(served.log()) < 25 + 16 * HASTY.attempts + 200  # it does not burn requests until then

    served.follow(Plan())
    healed = run(served.url, tmp_path)
    assert healed.texts == [TEXT] * 60 and healed.usage.reused == 25
    assert first + served.answered() == ONCE


def test_another_model_in_the_middle_ends_the_run_with_everything_kept(served: Served, tmp_path: Path) -> None:
    served.follow(Plan(faults=(Fault("model", message="small", after=25),)))
    ran = run(served.url, tmp_path)
    assert isinstance(ran.error, BadInput) and "answers as small instead of tiny" in str(ran.error)
    first = served.answered()
    served.follow(Plan())
    healed = run(served.url, tmp_path)
    assert healed.texts == [TEXT] * 60
    assert first + served.answered() == ONCE


def test_a_lost_key_in_the_middle_is_told_at_once(served: Served, tmp_path: Path) -> None:
    served.follow(Plan(faults=(Fault("status", status=401, message="expired", after=25),)))
    ran = run(served.url, tmp_path)
    assert isinstance(ran.error, BadInput) and "set OT_API_KEY (401: expired)" in str(ran.error)
    assert len(served.log()) <= 25 + 16


def test_only_what_is_new_is_sent_also_to_another_address(served: Served, tmp_path: Path) -> None:
    run(served.url, tmp_path, samples=4)
    assert len(served.log()) == 240
    run(served.url, tmp_path, samples=16)
    assert len(served.log()) == 960
    with endpoint() as elsewhere:
        moved = run(elsewhere.url, tmp_path, [*QUESTIONS, "And one more?"])
        assert moved.texts == [TEXT] * 61
        assert elsewhere.answered() == Counter(["And one more?"])
