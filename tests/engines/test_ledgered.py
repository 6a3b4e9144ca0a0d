from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ot_resources.generators.budget import Budget
from ot_resources.generators.engine import Completion, request_key
from ot_resources.generators.exporting import COLUMNS, export, exported
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.usage import Price
from ot_resources.interfaces import FinishReason
from ot_resources.warehouse import Warehouse
from tests.conftest import PROJECT
from tests.engines.rule_engine import RuleEngine, ask, echo, generator


@pytest.fixture
def ledger(data_root: Path) -> Ledger:
    return Ledger(data_root / "ledger")


def key(request):
    return request_key("rule@1", request)


def stored(ledger: Ledger) -> list[str]:
    """The keys of the responses that are on disk, as somebody else finds them."""
    other = Ledger(ledger.folder)
    records = [record for number in other.segments.numbers() for _, record in other.segments.scan(number)]
    other.close()
    return [record["key"] for record in records if record and "key" in record]


def counts(usage):
    return usage.requested, usage.reused, usage.answered, usage.failed, usage.pending


def test_a_response_is_on_disk_before_it_is_handed_out(ledger):
    for n, response in enumerate(generator(RuleEngine(), ledger).generate(ask(f"q{n}") for n in range(900))):
        if n % 100 == 0:
            assert response.response_id in stored(ledger)


def test_what_comes_back_is_the_completion_in_its_two_halves(ledger):
    (response,) = generator(RuleEngine(), ledger).generate([ask("1+1?", 3)])
    assert (response.reasoning, response.answer) == ("about 1+1?", "1+1?#3")
    assert response.text == "<think>about 1+1?</think>1+1?#3"
    assert (response.model, response.finish_reason, response.error) == ("rule@1", FinishReason.STOP, None)
    assert (response.prompt_tokens, response.completion_tokens) == (2, 3)


def test_nothing_is_asked_twice(ledger):
    requests = [ask(f"q{n}") for n in range(20)]
    first = list(generator(RuleEngine(), ledger).generate(requests))
    engine = RuleEngine()
    again = generator(engine, Ledger(ledger.folder))
    assert list(again.generate(requests)) == first
    assert engine.asked == []
    assert engine.starts == 0
    assert counts(again.usage) == (20, 20, 0, 0, 0)


def test_more_samples_ask_only_the_new_ones(ledger):
    questions = ["a", "b", "c"]
    list(generator(RuleEngine(), ledger).generate(ask(q, s) for q in questions for s in range(4)))
    engine = RuleEngine()
    list(generator(engine, ledger).generate(ask(q, s) for q in questions for s in range(16)))
    assert sorted((r.messages[0].content, r.sample) for r in engine.asked) == [
        (q, s) for q in questions for s in range(4, 16)
    ]


@pytest.mark.parametrize(
    "other",
    [
        ask("q", 1),
        ask("q", temperature=0.5),
        ask("q", max_tokens=7),
        ask("q", stop=("x",)),
        ask("p"),
        ask("q", top_p=0.9),
        ask("q", choice=("a", "b")),
        ask("q", regex="a"),
        ask("q", schema="{}"),
    ],
)
def test_whatever_changes_the_request_is_asked(ledger, other):
    list(generator(RuleEngine(), ledger).generate([ask("q")]))
    engine = RuleEngine()
    list(generator(engine, ledger).generate([other, ask("q")]))
    assert engine.asked == [other]


def test_another_model_is_asked(ledger):
    list(generator(RuleEngine(), ledger).generate([ask("q")]))
    engine = RuleEngine(model="rule@2")
    list(generator(engine, ledger).generate([ask("q")]))
    assert len(engine.asked) == 1


def test_the_same_request_twice_in_a_stream_is_asked_once(ledger):
    engine = RuleEngine()
    asking = generator(engine, ledger)
    responses = list(asking.generate([ask("a"), ask("b"), ask("a"), ask("a")]))
    assert len(engine.asked) == 2
    assert [r.answer for r in responses] == ["a#0", "b#0", "a#0", "a#0"]
    assert counts(asking.usage) == (4, 2, 2, 0, 0)


def test_a_failure_stops_nobody_and_is_asked_again_in_the_next_run(ledger):
    asking = generator(RuleEngine(), ledger)
    good, bad, last = asking.generate([ask("a"), ask("bad"), ask("c")])
    assert (good.answer, last.answer) == ("a#0", "c#0")
    assert (bad.finish_reason, bad.error, bad.text) == (FinishReason.ERROR, "the model refused", "")
    assert (asking.usage.answered, asking.usage.failed, asking.usage.transient) == (2, 1, 1)
    assert asking.usage.reasons == {"the model refused": 1}
    assert asking.usage.partial
    assert len(stored(ledger)) == 2
    again = RuleEngine(answer_of=lambda request: Completion("at last", FinishReason.STOP, 1, 1))
    assert [r.answer for r in generator(again, ledger).generate([ask("a"), ask("bad")])] == ["a#0", "at last"]
    assert again.asked == [ask("bad")]


def test_a_failure_that_no_other_try_would_mend_is_told_apart(ledger):
    asking = generator(RuleEngine(), ledger)
    list(asking.generate([ask("too long")]))
    assert (asking.usage.failed, asking.usage.transient, asking.usage.partial) == (1, 0, False)


def test_what_an_endpoint_holds_back_was_paid_for_and_is_not_asked_again(ledger):
    held = Completion("half", FinishReason.CONTENT_FILTER, 5, 6, "held back")
    first = generator(RuleEngine(answer_of=lambda request: held), ledger)
    (response,) = first.generate([ask("q")])
    assert (response.finish_reason, response.error) == (FinishReason.CONTENT_FILTER, response.error)
    assert response.error
    assert (first.usage.answered, first.usage.completion_tokens) == (1, 6)
    engine = RuleEngine()
    (again,) = generator(engine, ledger).generate([ask("q")])
    assert again == response
    assert engine.asked == []


def test_an_engine_that_breaks_loses_nothing_it_had_finished(ledger):
    def breaks(request):
        if request.messages[0].content == "q99":
            raise RuntimeError("out of memory")
        return echo(request)

    engine = RuleEngine(answer_of=breaks, concurrency=4)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(generator(engine, ledger).generate(ask(f"q{n}") for n in range(200)))
    assert len(stored(ledger)) == len(engine.answered) >= 95


def test_a_damaged_record_is_reported_asked_again_and_mended(ledger, caplog):
    list(generator(RuleEngine(), ledger).generate([ask("a"), ask("b")]))
    path = ledger.segments.path(1)
    path.write_bytes(path.read_bytes().replace(b"about a", b"about x"))
    engine = RuleEngine()
    assert [r.answer for r in generator(engine, ledger).generate([ask("a"), ask("b")])] == ["a#0", "b#0"]
    assert engine.asked == [ask("a")]
    assert "hold no whole record; it is asked again" in caplog.text
    assert [damage.offset for damage in ledger.damages()] == [0]
    list(generator(engine, ledger).generate([ask("a"), ask("b")]))
    assert engine.asked == [ask("a")]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", "bad"]), st.integers(0, 3)), max_size=30), st.integers(0, 99))
def test_responses_come_in_the_order_of_the_requests(ledger, asked, seed):
    luck = random.Random(seed)
    engine = RuleEngine(seconds=lambda request: luck.random() / 100)
    responses = generator(engine, ledger).generate(ask(text, sample) for text, sample in asked)
    expected = ["" if text == "bad" else f"{text}#{sample}" for text, sample in asked]
    assert [response.answer for response in responses] == expected


def test_requests_are_read_as_the_engine_needs_them(ledger):
    read = []

    def requests():
        for n in range(5_000):
            read.append(n)
            yield ask(f"q{n}")

    engine = RuleEngine(seconds=lambda request: 0.01)
    responses = generator(engine, ledger).generate(requests())
    next(responses)
    assert len(read) <= 1_024
    assert engine.most_at_once <= engine.concurrency
    assert len(list(responses)) == 4_999


def test_one_slow_answer_keeps_the_engine_busy_with_others(ledger):
    engine = RuleEngine(seconds=lambda request: 1.0 if request.messages[0].content == "q0" else 0.001)
    started = time.monotonic()
    assert len(list(generator(engine, ledger).generate(ask(f"q{n}") for n in range(3_000)))) == 3_000
    assert engine.answered.index(ask("q0")) > 700
    assert time.monotonic() - started < 20


def test_samples_of_questions_that_take_long_are_asked_first(ledger):
    def lengthy(request):
        return Completion("x", FinishReason.STOP, 1, {"a": 5, "b": 900, "c": 80}[request.messages[0].content])

    list(generator(RuleEngine(answer_of=lengthy), ledger).generate(ask(q) for q in "abc"))
    engine = RuleEngine(answer_of=lengthy, concurrency=1)
    list(generator(engine, ledger).generate(ask(q, s) for q in "abc" for s in (1, 2)))
    assert [(r.messages[0].content, r.sample) for r in engine.asked] == [(q, s) for q in "bca" for s in (1, 2)]


def test_what_is_asked_next_may_depend_on_answers(ledger):
    """Three at a time are open; each answer that ends in 0 brings another sample of its question."""
    waiting = [ask(f"q{n}") for n in range(30)]
    outstanding = 0

    def requests():
        nonlocal outstanding
        while waiting or outstanding:
            if not waiting or outstanding == 3:
                yield None
                continue
            outstanding += 1
            yield waiting.pop(0)

    seen = []
    for response in generator(RuleEngine(), ledger).generate(requests()):
        outstanding -= 1
        seen.append(response.answer)
        if response.answer.endswith("0#0"):
            waiting.append(ask(response.answer[:-2], 1))
    assert len(seen) == 33
    assert {"q0#1", "q10#1", "q20#1"} <= set(seen)


def test_waiting_for_nothing_is_an_error(ledger):
    with pytest.raises(RuntimeError, match="wait for responses"):
        list(generator(RuleEngine(), ledger).generate([None]))


def test_a_budget_ends_a_stage_with_what_is_there(ledger):
    engine = RuleEngine(concurrency=10)
    asking = generator(engine, ledger, "run", "a", budget=Budget(tokens=500))
    responses = list(asking.generate(ask(f"q{n}") for n in range(1_000)))
    answered = [r for r in responses if r.finish_reason == FinishReason.STOP]
    pending = [r for r in responses if r.finish_reason == FinishReason.PENDING]
    assert 100 <= len(answered) <= 110 + 10  # 5 tokens each; those in flight come in
    assert len(answered) + len(pending) == 1_000
    assert {r.error for r in pending} == {"not asked: the budget of 500 tokens is spent"}
    assert asking.usage.partial
    # The run's next stage has nothing left; the next run has.
    later = generator(RuleEngine(), ledger, "run", "b", budget=Budget(tokens=500))
    assert {r.finish_reason for r in later.generate([ask("other")])} == {FinishReason.PENDING}
    next_run = generator(RuleEngine(), ledger, "run 2", "a", budget=Budget(tokens=10_000))
    list(next_run.generate(ask(f"q{n}") for n in range(1_000)))
    assert counts(next_run.usage) == (1_000, len(answered), len(pending), 0, 0)


def test_a_budget_of_money(ledger):
    price = Price(input=1e6, output=2e6)  # 8 a request
    asking = generator(RuleEngine(concurrency=1), ledger, price=price, budget=Budget(money=80))
    list(asking.generate(ask(f"q{n}") for n in range(100)))
    assert asking.usage.money == pytest.approx(8 * asking.usage.answered)
    assert 10 <= asking.usage.answered <= 12


def test_a_budget_counts_a_stage_of_several_streams_once(ledger):
    asking = generator(RuleEngine(concurrency=1), ledger, "run", "a", budget=Budget(tokens=1_000))
    for stream in range(3):
        list(asking.generate(ask(f"{stream}-{n}") for n in range(60)))
    assert counts(asking.usage) == (180, 0, 180, 0, 0)


def test_a_failed_request_that_comes_twice_failed_twice(ledger):
    asking = generator(RuleEngine(), ledger)
    list(asking.generate([ask("bad"), ask("bad"), ask("a"), ask("a")]))
    assert counts(asking.usage) == (4, 1, 1, 2, 0)


def test_a_damaged_record_counts_once_and_is_there_once(ledger, data_root):
    list(generator(RuleEngine(), ledger).generate([ask("a"), ask("b")]))
    export(ledger)
    path = ledger.segments.path(1)
    path.write_bytes(path.read_bytes().replace(b"about a", b"about x"))
    asking = generator(RuleEngine(), ledger)
    list(asking.generate([ask("a"), ask("b")]))
    assert counts(asking.usage) == (2, 1, 1, 0, 0)
    with Warehouse(root=str(data_root)).connect(ledger=True) as connection:
        assert connection.sql("select count(*) from ledger.responses").fetchall() == [(2,)]


def test_an_index_that_breaks_while_a_run_asks_loses_nothing(ledger):
    list(generator(RuleEngine(), ledger).generate(ask(f"q{n}") for n in range(100)))
    with ledger._lock:
        ledger._connection.close()
        ledger._connection = None
        for file in ledger.folder.glob("index.sqlite-*"):
            file.unlink()
        (ledger.folder / "index.sqlite").write_bytes(b"no database" * 1000)
    list(generator(RuleEngine(), ledger).generate([ask("one more")]))
    for again in (ledger, Ledger(ledger.folder)):
        engine = RuleEngine()
        list(generator(engine, again).generate(ask(f"q{n}") for n in range(100)))
        assert engine.asked == []


def test_what_another_machine_was_asking_is_asked_when_it_was_not_seen_for_long(ledger):
    request = ask("a")
    with sqlite3.connect(ledger.folder / "index.sqlite") as index:
        index.execute("insert into claims values (?, 'elsewhere:1:2')", [bytes.fromhex(key(request))])
        index.execute("insert into owners values ('elsewhere:1:2', ?)", [time.time() - 10_000])
    index.close()
    assert [r.answer for r in generator(RuleEngine(), ledger).generate([request])] == ["a#0"]


def test_usage_is_noted_a_stage_and_run(ledger):
    list(generator(RuleEngine(), ledger, "run1", "r/math/answers").generate([ask("a"), ask("bad")]))
    list(generator(RuleEngine(), ledger, "run2", "r/math/answers").generate([ask("a"), ask("b")]))
    noted = [(u["run_id"], u["requested"], u["reused"], u["answered"], u["failed"]) for u in ledger.accounts()]
    assert noted == [("run1", 2, 0, 1, 1), ("run2", 2, 1, 1, 0)]
    assert [u["run_id"] for u in ledger.accounts("run2")] == ["run2"]


def test_what_answers_cost_by_the_hour_is_known_of_those_that_were_asked_now(ledger):
    by_hour = Price(output=1.0, hour=3600.0)
    first = generator(RuleEngine(), ledger, "run1", price=by_hour)
    list(first.generate([ask("a"), ask("b")]))
    first.usage.seconds = 8.0
    assert first.usage.cost()["money"] == pytest.approx(8.0, rel=1e-3)
    for price, money in ((by_hour, None), (Price(output=1e6), first.usage.handed_completion_tokens)):
        again = generator(RuleEngine(), ledger, "run2", price=price)
        list(again.generate([ask("a"), ask("b")]))
        assert again.usage.reused == 2 and again.usage.cost()["money"] == money


def test_parquet_holds_everything_once(ledger, data_root):
    warehouse = Warehouse(root=str(data_root))
    asked: list[str] = []
    luck = random.Random(3)
    for round_ in range(24):
        texts = [f"{round_}-{n}" for n in range(luck.randint(1, 9))]
        asked += texts
        list(generator(RuleEngine(), ledger).generate(map(ask, texts)))
        if luck.random() < 0.8:
            export(ledger, join=True)
        with warehouse.connect(ledger=True) as connection:
            query = "select count(distinct response_id), count(*) from ledger.responses"
            assert connection.sql(query).fetchall() == [(len(asked), len(asked))]
    files = exported(ledger.folder)
    assert len(files) < 24, "pieces are joined"
    frame = pl.concat([pl.read_parquet(file) for file in files])
    assert frame.schema == pl.Schema(COLUMNS)
    assert sorted(frame["response_id"]) == sorted(key(ask(text)) for text in asked)
    assert frame["engine"].unique().to_list() == ["rule 1"]


def test_export_of_nothing_new_writes_no_file(ledger):
    list(generator(RuleEngine(), ledger).generate([ask("a")]))
    for _ in range(3):
        export(ledger)
    assert len(exported(ledger.folder)) == 1


def test_a_lost_index_is_made_anew(ledger, caplog):
    requests = [ask(f"q{n}") for n in range(50)]
    list(generator(RuleEngine(), ledger, "run").generate(requests))
    ledger.close()
    for file in ledger.folder.glob("index.sqlite*"):
        file.unlink()
    engine = RuleEngine()
    again = Ledger(ledger.folder)
    list(generator(engine, again).generate(requests))
    assert engine.asked == []
    assert [account["run_id"] for account in again.accounts()] == ["run", "-"]


def test_a_broken_index_is_put_aside_and_made_anew(ledger, caplog):
    requests = [ask(f"q{n}") for n in range(50)]
    list(generator(RuleEngine(), ledger).generate(requests))
    ledger.close()
    (ledger.folder / "index.sqlite").write_bytes(b"no database" * 1000)
    engine = RuleEngine()
    list(generator(engine, Ledger(ledger.folder)).generate(requests))
    assert engine.asked == []
    assert "made anew from the segments" in caplog.text


def test_a_full_disk_is_told_in_one_line_and_what_was_kept_is_used(ledger, monkeypatch):
    requests = [ask(f"q{n}") for n in range(200)]
    real, written = os.write, 0

    def full(descriptor, data):
        nonlocal written
        written += 1
        if written > 3:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    engine = RuleEngine(seconds=lambda request: 0.02, concurrency=8)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Exception, match=r"the ledger .* cannot be written .*No space left.* not kept"):
        list(generator(engine, ledger).generate(requests))
    monkeypatch.undo()
    # As at the end of its process: who writes a segment indexes it, and nobody else does.
    ledger.close()
    kept = len(stored(ledger))
    assert kept
    again = RuleEngine()
    list(generator(again, Ledger(ledger.folder)).generate(requests))
    assert len(again.asked) == 200 - kept


def test_an_interrupted_stream_keeps_what_is_done_and_stops_at_once(ledger):
    engine = RuleEngine(seconds=lambda request: 0.05 if request.messages[0].content < "q5" else 60.0, concurrency=64)
    responses = generator(engine, ledger).generate(ask(f"q{n}") for n in range(10))
    next(responses)
    started = time.monotonic()
    responses.close()
    assert time.monotonic() - started < 5
    assert len(stored(ledger)) == 5
    other = RuleEngine()  # nobody is waited for
    list(generator(other, Ledger(ledger.folder)).generate(ask(f"q{n}") for n in range(10)))
    assert len(other.asked) == 5


ASKER = """
import sys
from pathlib import Path
from ot_resources.generators.ledger import Ledger
from tests.engines.rule_engine import RuleEngine, ask, generator
folder, log, count, seconds, start = sys.argv[1:]
engine = RuleEngine(log=Path(log), seconds=lambda request: float(seconds))
requests = (ask(f"q{n}") for n in range(int(start), int(start) + int(count)))
print(len(list(generator(engine, Ledger(folder)).generate(requests))))
"""


ASKS_WITH_BAD_ONES = """
import sys
from pathlib import Path
from ot_resources.generators.ledger import Ledger
from tests.engines.rule_engine import RuleEngine, ask, generator
engine = RuleEngine(seconds=lambda request: 0.02)
requests = (ask("too long" if n % 100 == 50 else f"q{n}", n) for n in range(2000))
print(len(list(generator(engine, Ledger(sys.argv[1])).generate(requests))))
"""


def _asker(ledger: Ledger, log: Path, count: int, seconds: float = 0.0, start: int = 0) -> subprocess.Popen[str]:
    arguments = [str(ledger.folder), str(log), str(count), str(seconds), str(start)]
    command = [sys.executable, "-c", ASKER, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)


def _lines(log: Path, what: str) -> Counter[str]:
    lines = log.read_text().splitlines() if log.exists() else []
    return Counter(line.split()[1] for line in lines if line.startswith(what))


def test_two_processes_share_a_ledger_and_ask_nothing_twice(ledger, tmp_path):
    log = tmp_path / "log"
    both = [_asker(ledger, log, 1500, 0.02, start=n * 500) for n in range(2)]
    assert [process.communicate(timeout=100)[0].strip() for process in both] == ["1500", "1500"]
    asked = _lines(log, "asked")
    assert len(asked) == 2000
    assert max(asked.values()) == 1
    assert len(stored(ledger)) == 2000


def test_two_processes_with_rows_that_fail_do_not_wait_for_each_other(ledger):
    command = [sys.executable, "-c", ASKS_WITH_BAD_ONES, str(ledger.folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) for _ in range(2)]
    assert [process.communicate(timeout=100)[0].strip() for process in both] == ["2000", "2000"]


def test_what_a_killed_process_was_asking_is_asked_by_the_one_that_waits(ledger, tmp_path):
    log = tmp_path / "log"
    first = _asker(ledger, log, 50, 60.0)
    deadline = time.monotonic() + 60
    while len(_lines(log, "asked")) < 50 and time.monotonic() < deadline:
        time.sleep(0.05)
    second = _asker(ledger, log, 50, 0.0)
    threading.Timer(3, first.kill).start()
    assert second.communicate(timeout=60)[0].strip() == "50"
    first.communicate()
    assert len(stored(ledger)) == 50


def test_a_killed_process_asks_again_at_most_what_was_in_flight(ledger, tmp_path):
    log, count = tmp_path / "log", 1500
    process = _asker(ledger, log, count, seconds=0.05)
    deadline = time.monotonic() + 60
    while len(_lines(log, "answered")) < 700 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    asked, kept = _lines(log, "asked"), len(stored(ledger))
    assert 500 < kept <= len(asked)
    process = _asker(ledger, log, count)
    assert process.communicate(timeout=100)[0].strip() == str(count)
    times = _lines(log, "asked")
    again = sum(times.values()) - count
    assert len(times) == count
    assert again == len(asked) - kept <= 2 * RuleEngine.concurrency
