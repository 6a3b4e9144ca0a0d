"""Questions that mean what an earlier one means, as a model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.dedup.semantic import close_pairs
from ot_assets.strategies.dedup.twins import drop_near
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.same_problem import judge_pairs
from ot_resources.interfaces import Embedder, Generator

if TYPE_CHECKING:
    from ot_assets.similarity.pairs import Pairs

_ERROR = "judge_error"
_FAILED = {"question": pl.String, _ERROR: pl.String}


@strategy(stage="dedup", version=2, packages=("sentence-transformers",))
def semantic_judge(
    questions: pl.LazyFrame,
    *,
    embedder: Embedder,
    judge: Generator,
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.85,
    top_k: Annotated[int, Field(ge=1)] = 3,
    order: tuple[str, ...] = (),
    temperature: float = 0.0,
    max_tokens: int = 256,
) -> Split:
    """Drop what a judge finds to be the same problem as an earlier question that reads alike.

    Candidates are the `top_k` earlier questions with the highest cosine of sentence embeddings, from `threshold` on;
    the judge sees each pair, and decides. Dropped as `same_meaning` with the twin (of the confirmed ones the closest),
    the cosine, and the judge's reason and model; nothing is transitive. The very text of an earlier question goes
    unasked. A question that the judge could not compare, and takes for no other, stays, with the error in
    `judge_error`. A blank question has no twin.

    What an embedding sees of a text is its beginning (256 tokens with the default model); the judge sees all. Memory
    and time: ot_assets/similarity/embeddings.py; at most `top_k` requests a question that has candidates. The embedded
    judge is not trained for this task (ot_assets/strategies/tasks.py): with it the stage is a rehearsal.

    Columns in: question, question_id, and those of `order`. Columns out: the same and `judge_error` (String).
    """
    reasons: dict[tuple[int, int], str] = {}
    errors: dict[str, str] = {}

    def find(texts: list[str]) -> Iterator[Pairs]:
        import numpy as np

        from ot_assets.similarity.pairs import Pairs, closest

        candidates = closest(close_pairs(texts, embedder, threshold), top_k)
        numbers = list(zip(candidates.left.tolist(), candidates.right.tolist(), strict=True))
        asked = ((texts[earlier], texts[later]) for earlier, later in numbers)
        replies = judge_pairs(judge, asked, temperature=temperature, max_tokens=max_tokens)
        same = []
        for (earlier, later), reply in zip(numbers, replies, strict=True):
            same.append(reply.value is not None and reply.value.same)
            if reply.value is None:
                errors.setdefault(texts[later], reply.error or "no reason given")
            else:
                reasons[later, earlier] = reply.value.reason
        yield Pairs(*(column[np.array(same, dtype=bool)] for column in candidates))

    told = {"rule": "semantic", "threshold": threshold, "model": embedder.model, "judge": judge.model}
    split = drop_near(
        questions,
        find,
        order=order,
        where="dedup.semantic_judge",
        told=told,
        reason="same_meaning",
        same=1.0,
        because=lambda later, earlier: reasons[later, earlier],
    )
    failed = pl.LazyFrame({"question": list(errors), _ERROR: list(errors.values())}, schema=_FAILED)
    return Split(
        split.kept.drop(_ERROR, strict=False).join(failed, on="question", how="left", maintain_order="left"),
        split.dropped,
    )
