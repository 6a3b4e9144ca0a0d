"""Answers that most of a question's answers agree with, by their boxed results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, islice
from typing import Annotated, Literal, NamedTuple

import polars as pl
from pydantic import Field

from ot_assets.strategies.answer_text import last_boxed
from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.verify import exact
from ot_assets.strategies.verify.math import ANSWER_CHARS
from ot_assets.strategies.verify.pool import PACKAGES, MathPool
from ot_assets.strategies.verify.verdict import Verdict

_READ_ROWS = 1024
# Their comparisons go to the pool together.
_QUESTIONS = 256
_SHOWN_CHARS = 80
_UNDECIDED = (Verdict.TIMEOUT, Verdict.ERROR)
_KEPT, _UNPARSED = "__kept", "__unparsed"
_TOLD = ("result", "votes", "majority", "majority_votes", "answers", "undecided")


class Ballot(NamedTuple):
    """One answer's vote. `result` is its box; None where it has none that can be read, and `why`."""

    row: int
    sample: int | None
    result: str | None
    why: str | None


class Count(NamedTuple):
    """How one answer's vote came out: what it voted for, with how many, and who won."""

    kept: bool
    unparsed: str | None
    result: str | None
    votes: int | None
    majority: str | None
    majority_votes: int | None
    answers: int
    undecided: int


@strategy(stage="select", version=2, needs=("question_id", "answer"), packages=PACKAGES)
def majority(
    answers: pl.LazyFrame,
    *,
    seconds: Annotated[float, Field(gt=0)] = 10,
    compat: Literal["empty_votes"] | None = None,
) -> Split:
    r"""Keep, of each question, all answers whose last `\boxed{}` equals the result that most of its answers have.

    For answers with a boxed result; for programs and prose see `select.majority_judge`. Two results are equal by
    `verify/exact.py` or, where that takes algebra, by math-verify in processes that are killed after `seconds`; the
    relation is closed (of a = b and b = c all three are one class, even if a = c could not be shown). A comparison that
    ran out of time or broke counts as unequal, and the evidence counts it as `undecided`. Of classes of the same size
    the one with the lowest `sample` wins. The rows may come in any order.

    Dropped: as `minority` (evidence: result, votes, majority, majority_votes, answers, undecided); as `unparsed` an
    answer without a box, with an empty one or one of more than 2,000 characters: it has no vote (evidence: why).

    Majority consensus of OpenThoughts3: math_verify.parse of every answer, the most common text of it, the rows equal
    to that. There an answer that cannot be parsed becomes "", which can win the vote, and of ties the first wins;
    `compat="empty_votes"` lets those answers vote as one class, named "", and decides ties by input order. The equality
    is the one above in both.

    Columns in: question_id, answer, sample. Columns out: the same. RuntimeError: math-verify did not start.
    """
    counts = _counts(_ballots(answers), seconds, compat is not None)
    columns = [_KEPT, _UNPARSED, *(f"__{name}" for name in _TOLD)]
    kinds = [pl.Boolean, pl.String, pl.String, pl.Int64, pl.String, pl.Int64, pl.Int64, pl.Int64]
    decided = pl.DataFrame(counts, schema=dict(zip(columns, kinds, strict=True)), orient="row").with_row_index(ROW)
    rows = answers.with_row_index(ROW).join(decided.lazy(), on=ROW, how="left", maintain_order="left")
    return split(
        rows,
        pl.col(_KEPT),
        reason=pl.when(pl.col(_UNPARSED).is_null()).then(pl.lit("minority")).otherwise(pl.lit("unparsed")),
        evidence=pl.struct(pl.col(_UNPARSED).alias("why"), *(pl.col(f"__{name}").alias(name) for name in _TOLD)),
        scratch=(ROW, *columns),
    )


def _ballots(answers: pl.LazyFrame) -> dict[str | None, list[Ballot]]:
    """The votes of each question. Of an answer only its box is held."""
    ballots: dict[str | None, list[Ballot]] = {}
    narrow = answers.select("question_id", "sample", "answer")
    row = 0
    for batch in narrow.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
        for question, sample, answer in batch.iter_rows():
            ballots.setdefault(question, []).append(Ballot(row, sample, *_result(answer)))
            row += 1
    return ballots


def _result(answer: str | None) -> tuple[str | None, str | None]:
    boxed = last_boxed(answer or "")
    if boxed is None:
        return None, "no \\boxed{} in the answer" if answer else "the answer is empty"
    if not exact.normalised(boxed):
        return None, "the \\boxed{} is empty"
    if len(boxed) > ANSWER_CHARS:
        return None, f"the boxed answer has {len(boxed)} characters, more than {ANSWER_CHARS}"
    return boxed, None


def _counts(ballots: dict[str | None, list[Ballot]], seconds: float, empty_votes: bool) -> list[Count]:
    """One count an answer, in the order of the rows."""
    counts: dict[int, Count] = {}
    with MathPool(seconds) as pool:
        questions = iter(ballots.values())
        while chunk := list(islice(questions, _QUESTIONS)):
            results = [sorted({b.result for b in votes if b.result is not None}, key=_size) for votes in chunk]
            for votes, (classes, undecided) in zip(chunk, classify(results, pool), strict=True):
                counts |= zip((b.row for b in votes), _count(votes, classes, undecided, empty_votes), strict=True)
    return [counts[row] for row in range(len(counts))]


def _size(text: str) -> tuple[int, str]:
    return len(text), text


def classify(questions: list[list[str]], pool: MathPool) -> Iterator[tuple[dict[str, str], int]]:
    """For each question's distinct results: of every result the first of those equal to it, and how many comparisons
    came to nothing.
    """
    classes = [{result: result for result in results} for results in questions]
    open_pairs: list[tuple[int, str, str]] = []
    for number, results in enumerate(questions):
        verdicts = {pair: exact.compare(*pair) for pair in combinations(results, 2)}
        for (a, b), equal in verdicts.items():
            if equal:
                _join(classes[number], a, b)
        open_pairs += [
            (number, a, b)
            for (a, b), equal in verdicts.items()
            if equal is None and classes[number][a] != classes[number][b]
        ]
    undecided = Counter[int]()
    judgements = pool.judge((a, b) for _, a, b in open_pairs)
    for (number, a, b), judgement in zip(open_pairs, judgements, strict=True):
        if judgement.verdict == Verdict.UNAVAILABLE:
            raise RuntimeError(f"select.majority: {judgement.reason}")
        if judgement.verdict == Verdict.RIGHT:
            _join(classes[number], a, b)
        undecided[number] += judgement.verdict in _UNDECIDED
    for number, found in enumerate(classes):
        yield found, undecided[number]


def _join(classes: dict[str, str], a: str, b: str) -> None:
    first, second = sorted((classes[a], classes[b]), key=_size)
    for result, name in classes.items():
        if name == second:
            classes[result] = first


def _count(votes: list[Ballot], classes: dict[str, str], undecided: int, empty_votes: bool) -> Iterator[Count]:
    """One count a ballot."""
    named = [classes[b.result] if b.result is not None else "" if empty_votes else None for b in votes]
    sizes = Counter(name for name in named if name is not None)

    def place(name: str) -> tuple[int, float, str]:
        of_class = [ballot for ballot, other in zip(votes, named, strict=True) if other == name]
        samples = [float(b.sample) for b in of_class if b.sample is not None]
        first = min(b.row for b in of_class) if empty_votes else min(samples, default=float("inf"))
        return -sizes[name], first, name

    winner = min(sizes, key=place, default=None)
    for ballot, name in zip(votes, named, strict=True):
        yield Count(
            name is not None and name == winner,
            ballot.why if name is None else None,
            None if ballot.result is None else ballot.result[:_SHOWN_CHARS],
            None if name is None else sizes[name],
            None if winner is None else winner[:_SHOWN_CHARS],
            None if winner is None else sizes[winner],
            len(votes),
            undecided,
        )
