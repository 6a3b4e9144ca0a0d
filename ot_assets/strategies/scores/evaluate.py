"""Students are asked the questions of benchmarks, and their answers are verified."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Annotated, Any, Literal, NamedTuple

import polars as pl
from pydantic import Field

from ot_assets.contracts import SCORE
from ot_assets.strategies.dropping import encode
from ot_assets.strategies.prompts import Prefix, user_message
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.scores.adapters import BadRow, adapted
from ot_assets.strategies.scores.letters import are_several, judge_letters
from ot_assets.strategies.scores.options import lettered
from ot_assets.strategies.verify.checker import NOT_CHECKED, READS, Check, Kind, open_checker
from ot_assets.strategies.verify.pool import PACKAGES
from ot_assets.strategies.verify.verdict import Row, Verdict, one_line
from ot_resources.interfaces import BadInput, FinishReason, Message, Request, Response, Sampling, Sandbox, Students

KINDS: tuple[Kind, ...] = ("math", "code", "multiple_choice")
# What is kept beside a score, to read an answer and to see why it counts.
READABLE = {
    "domain": pl.String,
    "question": pl.String,
    "reference": pl.String,
    "model": pl.String,
    "reasoning": pl.String,
    "answer": pl.String,
    "finish_reason": pl.String,
    "response_id": pl.String,
    "verdict": pl.String,
    "verdict_by": pl.String,
    "verdict_reason": pl.String,
}
_SCHEMA = SCORE | READABLE
_DROPPED = _SCHEMA | {"drop_reason": pl.String, "drop_evidence": pl.String}
_READ_ROWS = 64
_WHY = "__why"
# Answers that are verified in one go.
_JUDGED = 128


class Asked(NamedTuple):
    """One question of a benchmark as it is asked: its row, how its answers are verified, the messages, how often.

    `letters`: the answer is several letters.
    """

    row: Row
    kind: Kind
    letters: bool
    messages: tuple[Message, ...]
    repeats: int


@strategy(stage="scores", version=1, needs=("seed", "student"), packages=PACKAGES)
def evaluate(
    students_made: pl.LazyFrame,
    *,
    benchmarks: pl.LazyFrame,
    students: Students,
    sandbox: Sandbox,
    held_out: list[str] = [],  # noqa: B006 - never changed
    repeats: dict[str, Annotated[int, Field(ge=1)]] = {},  # noqa: B006
    verify: dict[str, Literal["auto", "math", "code", "multiple_choice", "letters"]] = {},  # noqa: B006
    options: dict[str, list[str]] = {},  # noqa: B006
    adapters: dict[str, Literal["livecodebench", "codeforces"]] = {},  # noqa: B006
    domains: dict[str, str] = {},  # noqa: B006
    temperature: float = 0.7,
    top_p: float = 1.0,
    max_tokens: int = 32768,
    system: str | None = None,
    prefix: Prefix | None = None,
) -> Iterator[Split]:
    """Ask each student every question of the benchmarks, `repeats` times (once, if not said), and verify the answers.

    One row an answer, in the order student, question, sample: `right` is 1 where the verdict is `right`, else 0, also
    for an answer that is cut off or cannot be read. By default a question with tests is verified as `verify.code`, any
    other as `verify.math`, which knows letters; `verify` says otherwise by benchmark (`letters`: a reference of several
    letters is held against all that the answer names, `letters.py`; any other is mathematics). `options` names the
    members of `extra` that hold wrong answers: the question is then asked as a choice between letters (`options.py`).
    `adapters` are benchmarks whose statement and tests stand in `extra` in a form of their publisher's (`adapters.py`).
    `held_out` are benchmarks that may choose nothing; `domains` tells what they are about.

    OpenThoughts3's ablation (evalchemy's `n_repeat`; arXiv 2506.04178): temperature 0.7, top_p 1.0, 32,768 new tokens;
    AIME, AMC23 and HMMT 10 times, LiveCodeBench 6, CodeElo, Codeforces, GPQA, JEEBench and HLE 3, MATH500 once.

    Columns in: seed, student; of `benchmarks` those of a question, `source` is the benchmark's id. Columns out: those
    of a score, with question, answer, reasoning and verdict. Dropped: `not_verifiable` a question with neither tests
    nor reference, which is never asked; `request_failed` and `request_pending` without an answer; `not_checked` where
    the verifier, or the question's own tests, failed. BadInput: a benchmark is named that is not there.
    """
    known = set(benchmarks.select(pl.col("source").unique()).collect()["source"])
    for name, told in (
        ("held_out", held_out),
        ("repeats", repeats),
        ("verify", verify),
        ("options", options),
        ("adapters", adapters),
    ):
        if strange := [benchmark for benchmark in told if benchmark not in known]:
            there = ", ".join(sorted(known))
            raise BadInput(f"scores.evaluate: {name}: '{strange[0]}' is no benchmark of the study; there is: {there}")
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens)
    yield _rows([], [])
    with ExitStack() as stack:
        checks = {kind: stack.enter_context(open_checker(kind, sandbox)) for kind in KINDS}
        for made in students_made.select("seed", "student").collect().iter_rows(named=True):
            about = _About(made["seed"], made["student"], frozenset(held_out), domains)
            left_out: list[Row] = []
            asked = _questions(benchmarks, repeats, verify, options, adapters, system, prefix, left_out)
            with students.open(about.student) as model:
                yield from _answers(about, asked, sampling, model.generate, checks)
            yield _rows([], [about.left_out(row) for row in left_out])


class _About(NamedTuple):
    """Whose answers they are."""

    seed: int
    student: str
    held_out: frozenset[str]
    domains: dict[str, str]

    def score(self, row: Row) -> Row:
        benchmark = row["source"]
        return {
            "seed": self.seed,
            "student": self.student,
            "benchmark": benchmark,
            "held_out": benchmark in self.held_out,
            "domain": self.domains.get(benchmark) or row["domain"],
            "n": 1,
        } | {name: row[name] for name in ("question_id", "question", "reference")}

    def left_out(self, row: Row) -> Row:
        told = {"benchmark": row["source"], "why": row.get(_WHY) or "no reference and no tests"}
        return self.score(row) | {"drop_reason": "not_verifiable", "drop_evidence": encode(told)}


def _questions(
    benchmarks: pl.LazyFrame,
    repeats: dict[str, int],
    verify: dict[str, Any],
    options: dict[str, list[str]],
    adapters: dict[str, Any],
    system: str | None,
    prefix: Prefix | None,
    left_out: list[Row],
) -> Iterator[Asked]:
    """The questions as they are asked, read as they are needed; those that nothing verifies go to `left_out`."""
    head = (Message("system", system),) if system else ()
    for batch in benchmarks.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
        rows = [_as_asked(row, options, adapters) for row in batch.to_dicts()]
        shown = batch.with_columns(
            pl.Series(name, [row[name] for row in rows], pl.String) for name in ("question", "tests")
        )
        said = shown.select(user_message(shown.schema, prefix)).to_series()
        for row, message in zip(rows, said, strict=True):
            told = verify.get(row["source"], "auto")
            kind, letters = _kind(row, told), told == "letters" and are_several(row["reference"])
            if (row[READS[kind]] or "").strip():
                yield Asked(row, kind, letters, (*head, Message("user", message or "")), repeats.get(row["source"], 1))
            else:
                left_out.append(row)


def _as_asked(row: Row, options: dict[str, list[str]], adapters: dict[str, Any]) -> Row:
    """The question as its benchmark puts it; one that is not of its publisher's form has nothing to verify it by."""
    if adapter := adapters.get(row["source"]):
        try:
            row = adapted(row, adapter)
        except BadRow as problem:
            return row | {"tests": None, "reference": None, _WHY: str(problem)}
    if wrong := options.get(row["source"]):
        told = (row["question_id"], row["question"] or "", row["reference"], row["extra"])
        question, reference = lettered(*told, wrong)
        row = row | {"question": question, "reference": reference}
    return row


def _kind(row: Row, told: str) -> Kind:
    if told == "auto":
        return "code" if (row["tests"] or "").strip() else "math"
    return "math" if told == "letters" else next(kind for kind in KINDS if kind == told)


def _answers(
    about: _About, questions: Iterable[Asked], sampling: Sampling, generate: Any, checks: dict[Kind, Check]
) -> Iterator[Split]:
    """All answers of one student, verified some at a time."""
    waiting: deque[tuple[Asked, int]] = deque()

    def requests() -> Iterator[Request]:
        for asked in questions:
            for sample in range(asked.repeats):
                waiting.append((asked, sample))
                yield Request(asked.messages, sampling, sample)

    answered: list[tuple[Asked, int, Response]] = []
    for response in generate(requests()):
        answered.append((*waiting.popleft(), response))
        if len(answered) >= _JUDGED:
            yield _verified(about, answered, checks)
            answered = []
    if waiting:
        raise RuntimeError(f"the student {about.student} stopped with {len(waiting)} requests unanswered")
    yield _verified(about, answered, checks)


def _verified(about: _About, answered: list[tuple[Asked, int, Response]], checks: dict[Kind, Check]) -> Split:
    there = [
        place
        for place, (_, _, response) in enumerate(answered)
        if response.error is None and response.finish_reason not in _WITHOUT
    ]
    judged = {
        place: judge_letters(answered[place][2].answer, answered[place][0].row["reference"])
        for place in there
        if answered[place][0].letters
    }
    for kind, check in checks.items():
        places = [place for place in there if answered[place][0].kind == kind and place not in judged]
        given = [{"answer": answered[p][2].answer, READS[kind]: answered[p][0].row[READS[kind]]} for p in places]
        judged |= dict(zip(places, check(given), strict=True))
    kept, dropped = [], []
    for place, (asked, sample, response) in enumerate(answered):
        row = about.score(asked.row) | {
            "sample": sample,
            "completion_tokens": response.completion_tokens,
            "model": response.model,
            "response_id": response.response_id,
            "finish_reason": str(response.finish_reason),
        }
        judgement = judged.get(place)
        if judgement is None:
            pending = response.finish_reason == FinishReason.PENDING
            reason = "request_pending" if pending else "request_failed"
            evidence = encode({"error": response.error or "no reason given", "model": response.model})
            dropped.append(row | {"drop_reason": reason, "drop_evidence": evidence})
            continue
        row |= {
            "reasoning": response.reasoning,
            "answer": response.answer,
            "right": float(judgement.verdict is Verdict.RIGHT),
            "verdict": judgement.verdict.value,
            "verdict_by": judgement.by or ("letters" if asked.letters else asked.kind),
            "verdict_reason": one_line(judgement.reason),
        }
        if judgement.verdict in NOT_CHECKED:
            evidence = encode({"verdict": judgement.verdict.value, "reason": one_line(judgement.reason)})
            dropped.append(row | {"drop_reason": "not_checked", "drop_evidence": evidence})
        else:
            kept.append(row)
    return _rows(kept, dropped)


_WITHOUT = (FinishReason.ERROR, FinishReason.CONTENT_FILTER, FinishReason.PENDING)


def _rows(kept: list[Row], dropped: list[Row]) -> Split:
    return Split(pl.LazyFrame(kept, schema=_SCHEMA), pl.LazyFrame(dropped, schema=_DROPPED))
