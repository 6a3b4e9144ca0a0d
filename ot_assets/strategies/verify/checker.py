"""A verifier for strategies that have to know what answers are worth, a few at a time, before they go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from ot_assets.strategies.verify import code, math, multiple_choice
from ot_assets.strategies.verify.pool import MathPool
from ot_assets.strategies.verify.verdict import Judgement, Row, Verdict
from ot_resources.interfaces import Job, Sandbox

Kind = Literal["math", "code", "multiple_choice"]
Check = Callable[[list[Row]], Iterable[Judgement]]

# The column that an answer is held against.
READS: dict[Kind, str] = {"math": "reference", "code": "tests", "multiple_choice": "reference"}
# Verdicts that say nothing about the answer.
NOT_CHECKED = (Verdict.ERROR, Verdict.UNAVAILABLE)

# The limits of verify.math and verify.code.
_MATH_SECONDS = 10.0
_CODE = Job("", seconds=4.0, memory_mb=512, stop_at_failure=True)


@contextmanager
def open_checker(kind: Kind, sandbox: Sandbox) -> Iterator[Check]:
    """What judges rows as `verify.<kind>` does with its defaults: one judgement a row, in order.

    Rows hold `answer` and the column that the kind reads. Its processes live until the end of the context, so that a
    call costs no more than its rows; it may be called from any thread, one call at a time.
    """
    if kind == "code":
        yield lambda rows: code.judge_rows(rows, sandbox, _CODE)
    else:
        with open_symbolic(kind) as check:
            yield check


@contextmanager
def open_symbolic(kind: Literal["math", "multiple_choice"]) -> Iterator[Check]:
    """As `open_checker`, for the kinds that run no program."""
    if kind == "multiple_choice":
        yield lambda rows: [multiple_choice.judge_choice(row["answer"], row["reference"]) for row in rows]
    else:
        with MathPool(_MATH_SECONDS) as pool:
            yield lambda rows: math.judge_rows(rows, pool=pool, boxed_only=True)
