"""Questions that mean what a benchmark's mean, as a model sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import polars as pl
from pydantic import Field

from ot_assets.strategies.decontaminate.matching import Matcher, drop_matches, read_items, shared_run
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.same_problem import judge_pairs
from ot_resources.interfaces import BadInput, Embedder, Generator


@strategy(stage="decontaminate", version=2, packages=("sentence-transformers",))
def semantic(
    questions: pl.LazyFrame,
    *,
    against: pl.LazyFrame,
    embedder: Embedder,
    judge: Generator,
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8,
    top_k: Annotated[int, Field(ge=1)] = 5,
    temperature: float = 0.0,
    max_tokens: int = 256,
) -> Split:
    """Drop what a judge finds to be a benchmark's problem in other words, which no comparison of texts can see.

    Candidates are the `top_k` benchmark questions with the highest cosine of sentence embeddings, from `threshold` on;
    the judge sees each pair, and decides. Dropped as `contaminated` with the twin (of the confirmed ones the closest),
    the cosine, and the judge's reason and model; as `judge_failed`, with the error, what the judge could not clear. The
    very text of a benchmark question goes unasked. A blank question matches nothing.

    This asks a model, up to `top_k` times a question: put a free decontamination before it. LMSYS's LLM decontaminator
    (arXiv 2311.04850; its repository's README) so found rephrased questions for 79 of the 5,000 of MATH's test set in
    its training set, for 769 in MathInstruct, and for 21 of HumanEval's 164 in CodeAlpaca; it takes the nearest
    training rows of each benchmark question, and GPT-4. Of 30 questions of GSM8K from that repository, rephrased, all
    have a cosine of 0.84 or more with the original (all-MiniLM-L6-v2), 28 of 0.85, 22 of 0.9.

    The benchmark's vectors are held in memory, and a batch of the questions'. The embedded judge is not trained for
    this task (ot_assets/strategies/tasks.py): with it the stage is a rehearsal.

    Columns in: question; of `against` question, question_id and source where there are. Columns out: the same.
    BadInput: no text in `against`.
    """
    matcher = _matcher(against, embedder, judge, threshold, top_k, temperature, max_tokens)
    split = drop_matches(questions, [matcher])
    failed = pl.col("drop_evidence").str.json_path_match("$.error").is_not_null()
    reason = pl.when(failed).then(pl.lit("judge_failed")).otherwise(pl.col("drop_reason"))
    return Split(split.kept, split.dropped.with_columns(drop_reason=reason))


def _matcher(
    against: pl.LazyFrame,
    embedder: Embedder,
    judge: Generator,
    threshold: float,
    top_k: int,
    temperature: float,
    max_tokens: int,
) -> Matcher:
    """Matches a text that has the very words of a benchmark question, or that the judge takes for one, or cannot."""
    from ot_assets.similarity.embeddings import embed, pairs_between
    from ot_assets.similarity.pairs import Pairs, closest

    items = [item for item in read_items(against) if item.text.strip()]
    if not items:
        raise BadInput("decontaminate.semantic: 'against': no text in any row")
    vectors = embed(embedder, [item.text for item in items])
    places = {item.text: place for place, item in reversed(list(enumerate(items)))}

    def evidence(text: str, place: int, score: float, **said: Any) -> dict[str, Any]:
        return {
            "rule": "semantic",
            "score": score,
            "threshold": threshold,
            "model": embedder.model,
            **said,
            **items[place].evidence(),
            **shared_run(text, items[place].text),
        }

    def match(asked: Sequence[str]) -> list[dict[str, Any] | None]:
        found = [evidence(text, places[text], 1.0) if text in places else None for text in asked]
        told = [number for number, text in enumerate(asked) if text.strip() and found[number] is None]
        pairs = pairs_between(embed(embedder, [asked[number] for number in told]), vectors, threshold)
        near = closest((Pairs(pair.right, pair.left, pair.score) for pair in pairs), top_k)
        candidates = [
            (told[number], place, score)
            for place, number, score in zip(*(column.tolist() for column in near), strict=True)
        ]
        shown = ((asked[number], items[place].text) for number, place, _ in candidates)
        replies = judge_pairs(judge, shown, temperature=temperature, max_tokens=max_tokens)
        for (number, place, score), reply in zip(candidates, replies, strict=True):
            known = found[number]
            if reply.value is None and known is None:
                found[number] = evidence(asked[number], place, score, judge=judge.model, error=reply.error)
            elif reply.value is not None and reply.value.same and (known is None or "error" in known):
                said = {"judge": judge.model, "reason": reply.value.reason}
                found[number] = evidence(asked[number], place, score, **said)
        return found

    return match
