"""Answers that are programs: run on the question's tests in a sandbox."""

from __future__ import annotations

import ast
import re
import secrets
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from ot_assets.strategies.answer_text import is_program, last_code_block
from ot_assets.strategies.registry import strategy
from ot_assets.strategies.verify.code_programs import checker, inputs, is_checked, judge_case, program
from ot_assets.strategies.verify.code_tests import BadTests, Tests, read_tests
from ot_assets.strategies.verify.compat import failed_open
from ot_assets.strategies.verify.verdict import Judgement, Row, Verdict, judged
from ot_resources.interfaces import Execution, Job, Sandbox

# Tests can be megabytes a row (code_contests), so batches are small.
BATCH_ROWS = 128
PYTHON = ("", "python", "python3", "py")
OUTPUT_KB = 256


@strategy(stage="verify", version=2, needs=("answer", "tests"))
def code(
    answers: pl.LazyFrame,
    *,
    sandbox: Sandbox,
    seconds: float = 4.0,
    memory_mb: int = 512,
    all_tests: bool = False,
    compat: Literal["fail_open"] | None = None,
) -> Iterator[pl.LazyFrame]:
    """Run the program in an answer on the question's `tests` (kinds and JSON: `code_tests.py`); all must pass.

    The program is the last fenced block (`python`, `py`, `python3` or unnamed; another language is `unparsed`). A text
    without any fence is the program itself if it parses as Python; reference solutions come so. A case may take
    `seconds` (4 as in APPS's and TACO's harness, which Bespoke-Stratos and OpenThoughts-114k used) and `memory_mb`.
    The first failing test ends the run unless `all_tests`, which then counts the failures.

    Outputs: order and duplicates matter; white space at line ends and a final newline do not; floats are equal within
    1e-6 relative (1e-9 near zero), whole numbers exactly. Returned tuples equal lists; `True` equals 1, as in Python.
    Asserts and `check` run in a process of their own, which calls the answer across a pipe and gets data back: tuples,
    sets, bytes, objects of the classes that `setup` defines, functions to call, iterators; never an operator of the
    answer's own. An answer's `__name__` is `__main__` for the kind `stdin` only.

    A syntax error, a missing function, a crash, an exit code other than 0, or too much memory or output is `wrong`;
    a test that takes too long is `timeout`; a sandbox that fails is `unavailable`. Tests that cannot be read or whose
    own code fails are an `error`, null tests `unavailable`. OpenThoughts-114k's judge counted syntax errors, missing
    functions and timeouts as correct, and compared lines as sets. `compat: fail_open` gives these three the verdict
    `right`, and the reason what was found; outputs are compared as always.
    Columns in: `answer`, `tests`. Columns out: the same, and the four of a verdict.
    """
    limits = Job("", seconds=seconds, memory_mb=memory_mb, stop_at_failure=not all_tests)

    def judge(rows: list[Row]) -> Iterator[Judgement]:
        return judge_rows(rows, sandbox, limits, compat)

    by = f"code@2 {sandbox.name}" + (f" {compat}" if compat else "")
    return judged(answers, ("answer", "tests"), by, judge, BATCH_ROWS)


@dataclass(frozen=True)
class Trial:
    """An answer that is ready to run, and the mark that its program reports under."""

    job: Job
    tests: Tests
    mark: str
    answer: str


def judge_rows(rows: list[Row], sandbox: Sandbox, limits: Job, compat: str | None = None) -> Iterator[Judgement]:
    """One judgement a row, in order; the programs of a batch run in parallel."""
    prepared = [prepare(row["answer"], row["tests"], limits) for row in rows]
    runs = sandbox.run(item.job for item in prepared if isinstance(item, Trial))
    for item in prepared:
        if not isinstance(item, Trial):
            yield item
            continue
        judgement = judge_trial(item, next(runs), compat)
        blamed = judgement.verdict is Verdict.ERROR and not is_checked(item.tests)
        yield confirmed(item, judgement, sandbox) if blamed else judgement


def confirmed(trial: Trial, judgement: Judgement, sandbox: Sandbox) -> Judgement:
    """The judgement that a question's `setup` is broken, if it is so without the answer, which may have said it."""
    alone = replace(trial.job, source=program("", trial.tests, trial.mark), stdins=trial.job.stdins[:1])
    [[execution]] = sandbox.run([alone])
    if judge_case(trial.tests, 0, execution, trial.mark).verdict is Verdict.ERROR:
        return judgement
    return Judgement(Verdict.WRONG, "the program says that its tests are broken, which they are not", judgement.seconds)


def prepare(answer: str | None, tests: str | None, limits: Job) -> Trial | Judgement:
    """The trial of an answer, or the verdict where there is nothing to run."""
    if tests is None or not tests.strip():
        return Judgement(Verdict.UNAVAILABLE, "no tests")
    try:
        read = read_tests(tests)
    except BadTests as problem:
        return Judgement(Verdict.ERROR, f"tests: {problem}")
    source = source_of(answer or "")
    if isinstance(source, Judgement):
        return source
    mark = secrets.token_hex(8)
    expected = [output if isinstance(output, str) else repr(output) for output in read.outputs]
    if read.kind == "asserts":
        expected += read.stdins
    output_kb = OUTPUT_KB + max(map(len, expected), default=0) * 4 // 1024
    job = replace(
        limits,
        source=program(source, read, mark),
        checker=checker(read),
        stdins=inputs(read, mark),
        output_kb=output_kb,
    )
    return Trial(job, read, mark, source)


def source_of(answer: str) -> str | Judgement:
    """The program in an answer, or why there is none."""
    block = last_code_block(answer)
    if block is None:
        return answer if is_program(answer) else Judgement(Verdict.UNPARSED, "no code block in the answer")
    if block.language not in PYTHON:
        return Judgement(Verdict.UNPARSED, f"the last code block is {block.language}, not Python")
    return block.code if block.code.strip() else Judgement(Verdict.UNPARSED, "the last code block is empty")


def judge_trial(trial: Trial, executions: tuple[Execution, ...], compat: str | None = None) -> Judgement:
    """The verdict of all cases: that of the first that is not right, with its number.

    With `compat`, failures of the kinds that the original took for success do not count beside one of another kind.
    """
    count = len(executions)
    seconds = sum(execution.seconds for execution in executions)
    failed: list[Judgement] = []
    for place, execution in enumerate(executions):
        judgement = judge_case(trial.tests, place, execution, trial.mark)
        if judgement.verdict is Verdict.RIGHT:
            continue
        reason = judgement.reason if trial.tests.kind == "check" else f"test {place + 1} of {count}: {judgement.reason}"
        failed.append(Judgement(judgement.verdict, reason, seconds))
        if trial.job.stop_at_failure:
            break
    if compat and failed:
        counted = [judgement for judgement in failed if not taken_for_success(trial, judgement)]
        if not counted:
            return failed_open(failed[0])
        failed = counted
    if not failed:
        return Judgement(Verdict.RIGHT, f"passed {count} of {count} tests", seconds)
    if trial.job.stop_at_failure or count == 1:
        return failed[0]
    return replace(failed[0], reason=f"{len(failed)} of {count} tests failed; {failed[0].reason}")


def taken_for_success(trial: Trial, judgement: Judgement) -> bool:
    """Whether OpenThoughts-114k's judge counts such a failure as a pass: no syntax, no function, no time left."""
    if judgement.verdict is not Verdict.WRONG:
        return judgement.verdict is Verdict.TIMEOUT
    asked = re.match(r"\w*", trial.tests.entry_point or trial.tests.fn_name)
    undefined = f"NameError: name '{asked[0] if asked else ''}' is not defined"
    missing = judgement.reason.endswith(undefined) or "there is no function '" in judgement.reason
    return missing or not parses(trial.answer)


def parses(source: str) -> bool:
    """Whether a text is Python at all. It is parsed, never run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
