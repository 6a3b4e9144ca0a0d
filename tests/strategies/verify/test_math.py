from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.lineage import record
from ot_assets.strategies import apply
from ot_assets.strategies.registry import find
from ot_assets.strategies.verify import exact
from ot_assets.strategies.verify.pool import AHEAD, AT_A_TIME, PACKAGES, MathPool
from ot_assets.strategies.verify.verdict import Verdict


def verdicts(references: list[str | None], answers: list[str | None], **params: object) -> pl.DataFrame:
    frame = pl.DataFrame({"reference": references, "answer": answers}, schema_overrides={"reference": pl.String})
    return apply("verify.math", frame, **params).kept.collect()


def test_columns_order_and_the_checker_are_kept() -> None:
    frame = pl.DataFrame({"reference": ["1", "x"], "answer": [r"\boxed{1}", r"\boxed{y}"], "other": [7, 8]})
    out = apply("verify.math", frame).kept.collect()
    assert out["other"].to_list() == [7, 8]
    assert out["verdict"].to_list() == ["right", "wrong"]
    assert out["verdict_by"].unique().to_list() == [
        "math@2 " + " ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    ]
    assert out.schema["verdict_seconds"] == pl.Float64


@pytest.mark.parametrize(
    ("reference", "answer", "verdict", "told"),
    [
        (None, r"\boxed{1}", "unavailable", "no reference"),
        ("  ", r"\boxed{1}", "unavailable", "no reference"),
        ("1", None, "unparsed", "the answer is empty"),
        ("1", "it is 1", "unparsed", r"no \boxed{} in the answer"),
        ("1", r"it is \boxed{1", "unparsed", r"no \boxed{} in the answer"),
        ("2", r"\boxed{1} and then \boxed{2}", "right", "equal"),
        ("1", r"\boxed{1} and then \boxed{2}", "wrong", "expected '1', got '2'"),
        (r"so \boxed{\frac{1}{2}}", r"\boxed{0.5}", "right", "equal"),
        ("3 + 4 = 7\n#### 7", r"\boxed{7}", "right", "equal"),
    ],
)
def test_where_reference_and_answer_are_found(
    reference: str | None, answer: str | None, verdict: str, told: str
) -> None:
    [row] = verdicts([reference], [answer]).rows(named=True)
    assert row["verdict"] == verdict
    assert told in row["verdict_reason"]


def test_the_last_number_counts_only_when_asked() -> None:
    answer = "Of 12 eggs\nthere are 1,234 left."
    assert verdicts(["1234"], [answer])["verdict"].item() == "unparsed"
    assert verdicts(["1234"], [answer], boxed_only=False)["verdict"].item() == "right"
    assert verdicts(["12"], [answer], boxed_only=False)["verdict"].item() == "wrong"


def test_no_rows_give_no_rows_with_the_columns() -> None:
    out = apply("verify.math", pl.DataFrame(schema={"answer": pl.String, "reference": pl.String})).kept.collect()
    assert out.is_empty()
    assert {"answer", "reference", "verdict", "verdict_seconds"} <= set(out.columns)


HARD = ("5", "9^{9^{9^{9}}}")
EASY = ("(x+1)^2", "x^2+2x+1")


def test_a_poisoned_pair_costs_its_own_time_only() -> None:
    with MathPool(seconds=1, workers=2) as pool:
        list(pool.judge([EASY] * 40))  # the start of the workers is not what is measured
        start = time.monotonic()
        results = list(pool.judge([HARD, *[EASY] * 40]))
        assert results[0].verdict is Verdict.TIMEOUT
        assert 1 <= results[0].seconds < 2
        # Neighbours in the same message and in others are judged, none of them for longer than it takes.
        assert {r.verdict for r in results[1:]} == {Verdict.RIGHT}
        assert max(r.seconds for r in results[1:]) < 1
        assert time.monotonic() - start < 15


def test_each_of_several_poisoned_pairs_has_its_own_verdict() -> None:
    with MathPool(seconds=2, workers=1) as pool:
        verdicts = [j.verdict for j in pool.judge([EASY, HARD, EASY, HARD, HARD, EASY])]
    assert verdicts == [Verdict(v) for v in ("right", "timeout", "right", "timeout", "timeout", "right")]


def test_pairs_are_read_a_bounded_way_ahead() -> None:
    read = 0

    def endless() -> Iterator[tuple[str, str]]:
        nonlocal read
        while True:
            read += 1
            yield EASY

    with MathPool(seconds=20, workers=2) as pool:
        judgements = pool.judge(endless())
        assert all(next(judgements).verdict is Verdict.RIGHT for _ in range(3))
        assert read <= 2 * AHEAD * AT_A_TIME + AT_A_TIME
        judgements.close()


def test_a_pool_that_is_closed_in_the_middle_stops_at_once_and_leaves_no_process() -> None:
    pool = MathPool(seconds=60, workers=2)
    list(pool.judge([EASY] * 2 * AT_A_TIME))
    processes = [worker._process for worker in pool._workers if worker._process]
    assert processes
    start = time.monotonic()
    closing = threading.Timer(1, pool.close)
    closing.start()
    with suppress(CancelledError):
        list(pool.judge([HARD] * 100))
    closing.join()
    assert 1 <= time.monotonic() - start < 4
    assert all(process.poll() is not None for process in processes)
    assert all(worker._process is None for worker in pool._workers)


CANCELLED = f"""

import polars as pl
from ot_assets.strategies import apply
gold, given = {HARD!r}
frame = pl.DataFrame({{"reference": [gold] * 3000, "answer": [r"\\boxed{{" + given + "}}"] * 3000}})
print("begun", flush=True)
apply("verify.math", frame, seconds=600).kept.collect()
"""


def test_a_run_that_is_interrupted_ends_within_seconds_and_leaves_no_process() -> None:
    with subprocess.Popen([sys.executable, "-c", CANCELLED], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        try:
            assert run.stdout and run.stdout.readline()
            deadline = time.monotonic() + 60
            while len(workers := children(run.pid)) < (os.cpu_count() or 1):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(1)
            run.send_signal(signal.SIGINT)
            assert run.wait(timeout=10) != 0
            assert not any(map(is_alive, workers))
        finally:
            run.kill()


def children(owner: int) -> list[int]:
    """The workers of a process that run now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == owner and b"math_worker.py" in command:
            found.append(int(stat.parent.name))
    return found


def test_a_worker_that_dies_is_replaced_and_its_pair_alone_has_no_verdict() -> None:
    with MathPool(seconds=20, workers=1) as pool:
        [_] = pool.judge([EASY])
        [worker] = pool._workers
        assert worker._process
        first = worker._process.pid
        threading.Timer(0.5, os.kill, (first, signal.SIGKILL)).start()
        verdicts = [j.verdict for j in pool.judge([HARD, EASY, EASY])]
        assert verdicts == [Verdict.ERROR, Verdict.RIGHT, Verdict.RIGHT]
        assert worker._process.pid != first


def test_a_worker_does_not_grow_with_what_it_has_judged() -> None:
    def pairs(first: int) -> list[tuple[str, str]]:
        return [(f"x^{{{n % 9 + 2}}}+{n}y", f"{n}y+x^{{{n % 9 + 2}}}") for n in range(first, first + 600)]

    def resident() -> float:
        [worker] = pool._workers
        assert worker._process
        status = Path(f"/proc/{worker._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    with MathPool(seconds=20, workers=1) as pool:
        assert {j.verdict for j in pool.judge(pairs(0))} == {Verdict.RIGHT}
        before = resident()
        assert {j.verdict for j in pool.judge(pairs(600))} == {Verdict.RIGHT}
        assert resident() - before < 10


def test_fail_open_keeps_what_could_not_be_checked_and_says_so() -> None:
    references = [HARD[0], "x" * 3000, "x+1", None, "1"]
    answers = [rf"\boxed{{{given}}}" for given in (HARD[1], "y", "x+2", "1")] + ["none"]
    plain = verdicts(references, answers, seconds=2)
    assert plain["verdict"].to_list() == ["timeout", "error", "wrong", "unavailable", "unparsed"]
    out = verdicts(references, answers, seconds=2, compat="fail_open")
    assert out["verdict"].to_list() == ["right", "right", "wrong", "unavailable", "unparsed"]
    assert out["verdict_reason"][0].startswith("compat fail_open: timeout: math-verify was stopped")
    assert out["verdict_reason"][1].startswith("compat fail_open: error: the reference has 3000 characters")
    assert out["verdict_by"][0] == plain["verdict_by"][0] + " fail_open"


def test_the_pool_works_from_another_thread_and_after_its_workers_were_killed() -> None:
    got: list[Verdict] = []
    with MathPool(seconds=20, workers=1) as pool:
        thread = threading.Thread(target=lambda: got.extend(j.verdict for j in pool.judge([("x+x", "2x")])))
        thread.start()
        thread.join()
        for worker in pool._workers:
            worker.kill()
        got.extend(j.verdict for j in pool.judge([("x+x", "2x")]))
    assert got == [Verdict.RIGHT, Verdict.RIGHT]


def test_a_worker_is_limited_in_memory() -> None:
    with MathPool(seconds=20, workers=1, memory_mb=256) as pool:
        [judgement] = pool.judge([("5", "2^{10^{11}}")])
        assert judgement.verdict in (Verdict.ERROR, Verdict.WRONG)
        assert next(pool.judge([("x+x", "2x")])).verdict is Verdict.RIGHT


OWNER = f"""
import sys
from ot_assets.strategies.verify.pool import MathPool
with MathPool(seconds=60, workers=2) as pool:
    list(pool.judge([("x", "x+1")] * 4))
    print(*[worker._process.pid for worker in pool._workers if worker._process], flush=True)
    list(pool.judge([{HARD!r}] * 2))
"""


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_workers_end_with_an_owner_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        workers = [int(pid) for pid in owner.stdout.readline().split()]
        assert workers and all(map(is_alive, workers))
        time.sleep(0.5)
        owner.kill()
        deadline = time.monotonic() + 2
    while any(map(is_alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_worker_without_its_owner_does_not_start() -> None:
    with MathPool(seconds=1, workers=1) as pool:
        worker = pool._workers[0]
        assert worker._start()
        assert worker._process
        command = worker._process.args
        assert isinstance(command, list)
        assert command[-1] == str(os.getpid())
        done = subprocess.run([*command[:-1], "1"], input="", capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "the owner ended" in done.stderr


def test_a_worker_that_nobody_stops_ends_by_its_use_of_the_processor() -> None:
    with MathPool(seconds=-4, workers=1) as pool:
        worker = pool._workers[0]
        assert worker._start()
        start = time.monotonic()
        assert worker._ask(json.dumps([HARD]).encode() + b"\n", 60) is None
        assert worker._process
        assert worker._process.wait(timeout=5) == -signal.SIGXCPU
        assert time.monotonic() - start < 40


def test_workers_are_kept_from_batch_to_batch() -> None:
    with MathPool(seconds=20, workers=1) as pool:
        seen = []
        for _ in range(3):
            assert [j.verdict for j in pool.judge([("x+x", "2x")])] == [Verdict.RIGHT]
            assert pool._workers[0]._process
            seen.append(pool._workers[0]._process.pid)
            time.sleep(0.1)
    assert len(set(seen)) == 1


def spellings(value: Fraction) -> list[str]:
    top, bottom = value.numerator, value.denominator
    return [f"{top}/{bottom}", f"\\frac{{{abs(top)}}}{{{bottom}}}" if top >= 0 else f"-\\frac{{{-top}}}{{{bottom}}}"]


fractions = st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=10**6)


@given(fractions, fractions)
@settings(max_examples=300, deadline=None)
def test_exact_comparison_is_that_of_fractions(a: Fraction, b: Fraction) -> None:
    for left in spellings(a):
        for right in spellings(b):
            assert exact.compare(left, right) == (a == b)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
@settings(max_examples=300, deadline=None)
def test_grouping_and_units_do_not_change_a_number(value: object) -> None:
    for text in (f"{value:,}", f"${value}$", f"{value} kg", f"{value}0", f"x = {value}"):
        assert exact.compare(str(value), text) is True


@given(st.text(max_size=60), st.text(alphabet=r"\frac{}[]()0123456789.,%$ ^*/ex-", max_size=40))
@settings(max_examples=500, deadline=None)
def test_no_text_raises(left: str, right: str) -> None:
    assert exact.compare(left, right) in (True, False, None)
    assert exact.compare(right, right) in (True, None)


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("strategy", ["verify.math", "select.majority", "answers.until_accepted", "filter.pass_rate"])
def test_another_version_of_what_decides_makes_another_table(
    strategy: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    node: Any = SimpleNamespace(strategy=find(*strategy.split(".")), inputs=(), tables={})
    before = record.identity(node, {}, [], None)
    assert before["packages"][name] == metadata.version(name)
    monkeypatch.setattr(record, "packages", lambda: {**before["packages"], name: "0"})
    assert record.identity(node, {}, [], None) != before
