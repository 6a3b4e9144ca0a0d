from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.verify import exact
from ot_assets.strategies.verify.pool import MathPool
from ot_assets.strategies.verify.verdict import Verdict

from .golden_math import PAIRS


def verdicts(references: list[str | None], answers: list[str | None], **params: object) -> pl.DataFrame:
    frame = pl.DataFrame({"reference": references, "answer": answers}, schema_overrides={"reference": pl.String})
    return apply("verify.math", frame, **params).kept.collect()


def test_the_golden_pairs() -> None:
    references = [reference for reference, _, _ in PAIRS]
    answers = [f"So it is \\boxed{{{boxed}}}." for _, boxed, _ in PAIRS]
    out = verdicts(list(references), list(answers), seconds=2)
    told = zip(PAIRS, out["verdict"], out["verdict_reason"], strict=True)
    off = [(pair, verdict, reason) for pair, verdict, reason in told if not as_wanted(pair[2], verdict)]
    assert off == []


def as_wanted(wanted: str, verdict: str) -> bool:
    return verdict == wanted or (wanted == "never" and verdict != "right")


def test_columns_order_and_the_checker_are_kept() -> None:
    frame = pl.DataFrame({"reference": ["1", "x"], "answer": [r"\boxed{1}", r"\boxed{y}"], "other": [7, 8]})
    out = apply("verify.math", frame).kept.collect()
    assert out["other"].to_list() == [7, 8]
    assert out["verdict"].to_list() == ["right", "wrong"]
    assert out["verdict_by"].unique().to_list() == [f"math@1 math-verify {metadata.version('math-verify')}"]
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


def test_a_poisoned_pair_costs_its_own_time_only() -> None:
    with MathPool(seconds=1, workers=2) as pool:
        list(pool.judge([("x", "x+1")] * 2))  # the start of the workers is not what is measured
        start = time.monotonic()
        results = list(pool.judge([("5", "9^{9^{9^{9}}}"), *[("(x+1)^2", "x^2+2x+1")] * 10]))
        assert results[0].verdict is Verdict.TIMEOUT
        assert {r.verdict for r in results[1:]} == {Verdict.RIGHT}
        assert time.monotonic() - start < 15


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


HARD = ("5", "9^{9^{9^{9}}}")
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
        assert worker._ask(json.dumps({"gold": HARD[0], "given": HARD[1]}).encode() + b"\n", 60) is None
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
