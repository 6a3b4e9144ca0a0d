"""New questions that a model writes from rows, and the rows that it could make nothing of.

A row of `{question_id: "p", source: "automathtext", question: "A text about primes."}` becomes, for the source
`automath`, `question_id=<hash>, source="automath", question=..., reference=..., extra='{"parent": "p", ...}'`. The id
is 16 hex digits of sha256 over (source, parent, number of the question among those of its parent, from 0).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import polars as pl
from pydantic import BaseModel

from ot_assets.contracts import DROPPED, QUESTION
from ot_assets.strategies.asking import Reply, ask_each, finish
from ot_assets.strategies.dropping import encode, split
from ot_assets.strategies.ranking import RANK, ROW, rank_key, with_rank
from ot_assets.strategies.registry import Split
from ot_resources.interfaces import BadInput, Generator, Message

Row = dict[str, Any]
READ_ROWS = 256


class Made(NamedTuple):
    """A new question. `told` goes into its `extra`."""

    question: str
    reference: str | None = None
    tests: str | None = None
    told: dict[str, Any] | None = None


class Refused(NamedTuple):
    """Why there is no question."""

    reason: str
    evidence: dict[str, Any]


class Ask(NamedTuple):
    """What the model is asked, the form of its reply, and what the reply comes to."""

    messages: tuple[Message, ...]
    form: type[BaseModel]
    read: Callable[[Any], Made | Refused]


def drawn(rows: pl.LazyFrame, limit: int | None, seed: int) -> tuple[pl.LazyFrame, Split]:
    """The rows to ask, the first `limit` by sha256(seed, question_id), in input order; the others are `not_drawn`."""
    nothing = pl.LazyFrame(schema=QUESTION)
    if limit is None:
        return rows, Split(nothing, pl.LazyFrame(schema={**rows.collect_schema(), **DROPPED}))
    chosen = split(
        with_rank(rows, rank_key(seed)),
        pl.col(RANK) <= limit,
        reason="not_drawn",
        evidence=pl.struct(pl.col(RANK).alias("rank"), pl.lit(limit).alias("limit"), pl.lit(seed).alias("seed")),
        scratch=(ROW, RANK),
    )
    return chosen.kept, Split(nothing, chosen.dropped)


def write(
    rows: pl.LazyFrame,
    judge: Generator,
    plan: Callable[[Row], list[Ask | Made | Refused]],
    *,
    source: str,
    domain: str | None,
    temperature: float,
    max_tokens: int,
) -> Iterator[Split]:
    """Ask what `plan` says of every row, as one stream, and yield what came of it as it comes.

    `plan` is called twice a row and must say the same; what needs no asking (`Made`, `Refused`) is taken as it is. Only
    what is in flight is held. A reply that could not be had is refused as `judge_failed`.
    """

    def asked() -> Iterator[tuple[tuple[Message, ...], type[BaseModel]]]:
        for batch in _batches(rows):
            for row in batch.iter_rows(named=True):
                yield from ((step.messages, step.form) for step in plan(row) if isinstance(step, Ask))

    replies = ask_each(judge, asked(), temperature=temperature, max_tokens=max_tokens)
    for batch in _batches(rows):
        made = [[_result(step, replies, judge) for step in plan(row)] for row in batch.iter_rows(named=True)]
        yield as_split(batch, made, judge, source=source, domain=domain)
    finish(replies)


def read(reply: Reply[Any], then: Callable[[Any], Made | Refused], judge: Generator) -> Made | Refused:
    """What a reply comes to; `judge_failed` when it could not be had."""
    if reply.value is None:
        return Refused("judge_failed", {"error": reply.error, "model": judge.model})
    return then(reply.value)


def as_split(
    parents: pl.DataFrame, made: list[list[Made | Refused]], judge: Generator, *, source: str, domain: str | None
) -> Split:
    """Kept: exactly the columns of a question, in the order of the parents; dropped: parents of which nothing came.

    A parent of several questions that lost some of them stays; dropped, it tells the first reason.
    """
    kept: list[Row] = []
    dropped: list[tuple[int, str, str]] = []
    for place, (parent, results) in enumerate(zip(parents.iter_rows(named=True), made, strict=True)):
        questions = [
            _question(parent, number, result, judge, source, domain)
            for number, result in enumerate(results)
            if isinstance(result, Made)
        ]
        kept += questions
        refused = next((result for result in results if isinstance(result, Refused)), None)
        if not questions and refused:
            dropped.append((place, refused.reason, encode(refused.evidence)))
    told = pl.DataFrame([row[1:] for row in dropped], schema=DROPPED, orient="row")
    gone = parents[[row[0] for row in dropped]].hstack(told)
    return Split(pl.DataFrame(kept, schema=QUESTION, orient="row").lazy(), gone.lazy())


def need_source(source: str, where: str) -> None:
    """BadInput: the new questions have no name for their source."""
    if not source.strip():
        raise BadInput(f"{where}: 'source' is empty; it names the source of the new questions")


def same(one: str, other: str) -> bool:
    """Whether two texts differ in white space and case at most."""
    return one.casefold().split() == other.casefold().split()


def number_of(question_id: Any, *what: Any) -> int:
    """A whole number that depends on the id and on `what` alone: the same wherever and whenever the row is asked."""
    return int(_hash(str(question_id), *what), 16)


def _batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    return rows.collect_batches(chunk_size=READ_ROWS, maintain_order=True, lazy=True)


def _result(step: Ask | Made | Refused, replies: Iterator[Reply[Any]], judge: Generator) -> Made | Refused:
    return read(next(replies), step.read, judge) if isinstance(step, Ask) else step


def _question(parent: Row, number: int, made: Made, judge: Generator, source: str, domain: str | None) -> Row:
    family = {"parent": str(parent["question_id"]), "parent_source": parent.get("source"), "written_by": judge.model}
    return {
        "question_id": _hash(source, family["parent"], number),
        "source": source,
        "domain": domain or parent.get("domain"),
        "question": made.question,
        "reference": made.reference,
        "tests": made.tests,
        "extra": encode(family | (made.told or {})),
    }


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
