from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ot_resources.generators.engine import Completion, request_key, request_seed
from ot_resources.generators.ledger import RESPONSE_COLUMNS, WINDOW, Ledger, LedgeredGenerator
from ot_resources.generators.reasoning import split_reasoning
from ot_resources.interfaces import FinishReason
from ot_resources.warehouse import Warehouse
from tests.conftest import PROJECT
from tests.resources.engines import RuleEngine, ask, echo


@pytest.fixture
def ledger(data_root: Path) -> Ledger:
    return Ledger(data_root / "ledger")


def stored(ledger: Ledger) -> list[tuple[str, str]]:
    with sqlite3.connect(ledger.folder / "ledger.sqlite") as connection:
        rows = connection.execute("select response_id, text from responses order by number").fetchall()
    connection.close()
    return rows


def test_a_response_is_on_disk_before_it_is_handed_out(ledger):
    generator = LedgeredGenerator(RuleEngine(), ledger)
    for response in generator.generate(ask(f"q{n}") for n in range(WINDOW + 5)):
        assert (response.response_id, response.text) in stored(ledger)


def test_what_comes_back_is_the_completion_in_its_two_halves(ledger):
    (response,) = LedgeredGenerator(RuleEngine(), ledger).generate([ask("1+1?", 3)])
    assert (response.reasoning, response.answer) == ("about 1+1?", "1+1?#3")
    assert response.text == "<think>about 1+1?</think>1+1?#3"
    assert (response.model, response.finish_reason, response.error) == ("rule@1", FinishReason.STOP, None)
    assert (response.prompt_tokens, response.completion_tokens) == (2, 3)


def test_nothing_is_asked_twice(ledger):
    requests = [ask(f"q{n}") for n in range(20)]
    first = list(LedgeredGenerator(RuleEngine(), ledger).generate(requests))
    engine = RuleEngine()
    generator = LedgeredGenerator(engine, Ledger(ledger.folder))
    assert list(generator.generate(requests)) == first
    assert engine.asked == []
    assert (generator.usage.requested, generator.usage.reused, generator.usage.answered) == (20, 20, 0)


def test_more_samples_ask_only_the_new_ones(ledger):
    questions = ["a", "b", "c"]
    list(LedgeredGenerator(RuleEngine(), ledger).generate(ask(q, s) for q in questions for s in range(4)))
    engine = RuleEngine()
    list(LedgeredGenerator(engine, ledger).generate(ask(q, s) for q in questions for s in range(16)))
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
    ],
)
def test_whatever_changes_the_request_is_asked(ledger, other):
    list(LedgeredGenerator(RuleEngine(), ledger).generate([ask("q")]))
    engine = RuleEngine()
    list(LedgeredGenerator(engine, ledger).generate([other, ask("q")]))
    assert engine.asked == [other]


def test_another_model_is_asked(ledger):
    list(LedgeredGenerator(RuleEngine(), ledger).generate([ask("q")]))
    engine = RuleEngine(model="rule@2")
    list(LedgeredGenerator(engine, ledger).generate([ask("q")]))
    assert len(engine.asked) == 1


def test_the_same_request_twice_in_a_window_is_asked_once(ledger):
    engine = RuleEngine()
    generator = LedgeredGenerator(engine, ledger)
    responses = list(generator.generate([ask("a"), ask("b"), ask("a"), ask("a")]))
    assert len(engine.asked) == 2
    assert [r.answer for r in responses] == ["a#0", "b#0", "a#0", "a#0"]
    assert (generator.usage.requested, generator.usage.reused, generator.usage.answered) == (4, 2, 2)


def test_a_failure_stops_nobody_and_is_asked_again_in_the_next_run(ledger):
    engine = RuleEngine()
    generator = LedgeredGenerator(engine, ledger)
    good, bad, last = generator.generate([ask("a"), ask("bad"), ask("c")])
    assert (good.answer, last.answer) == ("a#0", "c#0")
    assert (bad.finish_reason, bad.error, bad.text) == (FinishReason.ERROR, "the model refused", "")
    assert (generator.usage.answered, generator.usage.failed, generator.usage.transient) == (2, 1, 1)
    assert len(stored(ledger)) == 2
    again = RuleEngine(answer=lambda request: Completion("at last", FinishReason.STOP, 1, 1))
    assert [r.answer for r in LedgeredGenerator(again, ledger).generate([ask("a"), ask("bad")])] == ["a#0", "at last"]
    assert again.asked == [ask("bad")]


def test_a_failure_that_no_other_try_would_mend_is_told_apart(ledger):
    engine = RuleEngine(answer=lambda request: Completion("", FinishReason.ERROR, 999, 0, "too long", final=True))
    generator = LedgeredGenerator(engine, ledger)
    list(generator.generate([ask("a")]))
    assert (generator.usage.failed, generator.usage.transient) == (1, 0)


def test_an_engine_that_breaks_loses_nothing_it_had_finished(ledger):
    def breaks(request):
        if request.messages[0].content == "q7":
            raise RuntimeError("out of memory")
        return echo(request)

    with pytest.raises(RuntimeError, match="out of memory"):
        list(LedgeredGenerator(RuleEngine(answer=breaks), ledger).generate(ask(f"q{n}") for n in range(20)))
    assert len(stored(ledger)) == 7


def test_a_damaged_record_is_asked_again_and_mended(ledger, caplog):
    list(LedgeredGenerator(RuleEngine(), ledger).generate([ask("a"), ask("b")]))
    with sqlite3.connect(ledger.folder / "ledger.sqlite") as connection:
        connection.execute("update responses set text = 'flipped' where messages like '%\"a\"%'")
    connection.close()
    engine = RuleEngine()
    assert [r.answer for r in LedgeredGenerator(engine, ledger).generate([ask("a"), ask("b")])] == ["a#0", "b#0"]
    assert engine.asked == [ask("a")]
    assert "is damaged" in caplog.text
    list(LedgeredGenerator(engine, ledger).generate([ask("a"), ask("b")]))
    assert engine.asked == [ask("a")]
    assert len(stored(ledger)) == 2


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", "bad"]), st.integers(0, 3)), max_size=30), st.randoms())
def test_responses_come_in_the_order_of_the_requests(ledger, asked, luck):
    engine = RuleEngine(order=lambda positions: luck.sample(positions, len(positions)))
    responses = LedgeredGenerator(engine, ledger).generate(ask(text, sample) for text, sample in asked)
    expected = ["" if text == "bad" else f"{text}#{sample}" for text, sample in asked]
    assert [response.answer for response in responses] == expected


def test_requests_are_read_a_window_at_a_time(ledger):
    read = []

    def requests():
        for n in range(WINDOW * 3):
            read.append(n)
            yield ask(f"q{n}")

    next(LedgeredGenerator(RuleEngine(), ledger).generate(requests()))
    assert len(read) == WINDOW


def test_usage_is_noted_a_stage_and_run(ledger):
    list(LedgeredGenerator(RuleEngine(), ledger, "run1", "r/math/answers").generate([ask("a"), ask("bad")]))
    list(LedgeredGenerator(RuleEngine(), ledger, "run2", "r/math/answers").generate([ask("a"), ask("b")]))
    noted = [(u["run_id"], u["requested"], u["reused"], u["answered"], u["failed"]) for u in ledger.usage()]
    assert noted == [("run1", 2, 0, 1, 1), ("run2", 2, 1, 1, 0)]
    assert all(u["requested"] == u["reused"] + u["answered"] + u["failed"] for u in ledger.usage())


def test_export_and_tail_are_everything_once(ledger, data_root):
    warehouse = Warehouse(root=str(data_root))
    asked: list[str] = []
    luck = random.Random(3)
    for round_ in range(5):
        texts = [f"{round_}-{n}" for n in range(luck.randint(1, 40))]
        asked += texts
        list(LedgeredGenerator(RuleEngine(), ledger).generate(map(ask, texts)))
        if luck.random() < 0.6:
            ledger.export()
        files = list((ledger.folder / "responses").glob("upto-*.parquet"))
        exported = pl.concat([pl.read_parquet(f) for f in files]) if files else pl.DataFrame(schema=RESPONSE_COLUMNS)
        both = pl.concat([exported, ledger.tail().drop("number")])
        assert both.schema == pl.Schema(RESPONSE_COLUMNS)
        assert sorted(both["response_id"]) == sorted(request_key("rule@1", ask(text)) for text in asked)
        with warehouse.connect(ledger=True) as connection:
            query = "select count(distinct response_id), count(*) from ledger.responses"
            assert connection.sql(query).fetchall() == [(len(asked), len(asked))]


def test_export_of_nothing_new_writes_no_file(ledger):
    list(LedgeredGenerator(RuleEngine(), ledger).generate([ask("a")]))
    for _ in range(2):
        ledger.export()
    assert len(list((ledger.folder / "responses").iterdir())) == 1


ASKER = """
import sys
from pathlib import Path
from ot_resources.generators.ledger import Ledger, LedgeredGenerator
from tests.resources.engines import RuleEngine, ask
folder, log, count, seconds, start = sys.argv[1:]
engine = RuleEngine(log=Path(log), seconds=float(seconds))
requests = (ask(f"q{n}") for n in range(int(start), int(start) + int(count)))
print(len(list(LedgeredGenerator(engine, Ledger(folder)).generate(requests))))
"""


def _asker(ledger: Ledger, log: Path, count: int, seconds: float = 0.0, start: int = 0) -> subprocess.Popen[str]:
    arguments = [str(ledger.folder), str(log), str(count), str(seconds), str(start)]
    command = [sys.executable, "-c", ASKER, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)


def test_two_processes_share_a_ledger(ledger, tmp_path):
    both = [_asker(ledger, tmp_path / f"log{n}", 1500, 0.0005, start=n * 500) for n in range(2)]
    assert [process.communicate(timeout=100)[0].strip() for process in both] == ["1500", "1500"]
    texts = stored(ledger)
    assert len(texts) == len({key for key, _ in texts}) == 2000


def test_a_killed_process_asks_again_at_most_what_was_in_flight(ledger, tmp_path):
    log, count = tmp_path / "log", 3 * WINDOW
    process = _asker(ledger, log, count, seconds=0.002)
    deadline = time.monotonic() + 60
    while (len(log.read_text().splitlines()) if log.exists() else 0) < WINDOW + 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = Counter(log.read_text().splitlines())
    kept = len(stored(ledger))
    assert WINDOW <= kept <= len(before)
    process = _asker(ledger, log, count)
    assert process.communicate(timeout=100)[0].strip() == str(count)
    times = Counter(log.read_text().splitlines())
    again = sum(times.values()) - count
    assert len(times) == count
    assert again == len(before) - kept <= WINDOW
    assert max(times.values()) <= 2


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>why</think>so", "why", "so"),
        ("<think>\nwhy\n</think>\n\nso\n", "why", "so"),
        ("why</think>so", "why", "so"),
        ("<|begin_of_thought|> why <|end_of_thought|> so", "why", "so"),
        ("just so", None, "just so"),
        ("<think>never closed", None, "<think>never closed"),
        ("<think></think>so", "", "so"),
        ("<think>why</think>", "why", ""),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
        ("", None, ""),
    ],
)
def test_split_reasoning(text, reasoning, answer):
    assert split_reasoning(text) == (reasoning, answer)


def test_keys_and_seeds_are_what_they_always_were():
    """A key that changed would ask everything anew, a seed that changed would answer otherwise."""
    assert request_key("rule@1", ask("q", 3, temperature=0.5)) == "7c44623c498d29ba9bc2b100d07ccb15"
    assert request_seed("f" * 32) == 16**15 - 1
