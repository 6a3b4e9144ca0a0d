"""How hard a question is for the teacher, measured instead of judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from ot_assets.contracts import Rows
from ot_assets.strategies.answers.teacher import teacher as ask_teacher
from ot_assets.strategies.filter.rules import blank
from ot_assets.strategies.filter.scoring import ERROR, check_keep, keep_best
from ot_assets.strategies.prompts import Prefix
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.verify.checker import NOT_CHECKED, READS, Check, open_checker
from ot_assets.strategies.verify.pool import PACKAGES
from ot_assets.strategies.verify.verdict import Verdict
from ot_resources.interfaces import BadInput, Generator, Sandbox

Rate = Annotated[float, Field(ge=0, le=1)]

_RIGHT, _CHECKED, _FAILED = "__right", "__checked", "__failed"


@strategy(stage="filter", version=2, packages=PACKAGES)
def pass_rate(
    questions: pl.LazyFrame,
    *,
    teacher: Generator,
    sandbox: Sandbox,
    verify: Literal["math", "code"],
    samples: Annotated[int, Field(ge=1)] = 4,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_tokens: int = 32000,
    system: str | None = None,
    prefix: Prefix | None = None,
    low: Rate | None = None,
    high: Rate | None = None,
    keep: Rows | dict[str, Rows] | None = None,
    per_source: bool = False,
    seed: int = 42,
) -> Split:
    """Keep the questions that the teacher answers right in `low` to `high` of its answers, the `keep` hardest of them.

    The teacher answers `samples` times, with the very requests of `answers.teacher`: where that stage asks the same
    with the same parameters, the ledger has the answers and nobody pays twice. `verify.math` or `verify.code` says
    which are right, with its own defaults; the sandbox is used for code only. The rate is right answers by answers that
    could be checked. Of equal rates the lower sha256(seed, question_id) comes first.

    Dropped: `too_easy` above `high`, `too_hard` below `low`, `not_among_hardest` beyond `keep`; `not_verifiable` where
    there is no reference (no tests), which is not asked, or a broken one; `no_answer` where every request failed;
    `no_quota` where `keep` lacks the source.

    Ours. OpenThoughts3 asked a judge how hard a question was (paper, table 4: 43.0 on average, the best filter for
    code), not whether its teacher could answer it.

    Columns in: question, reference (math) or tests (code), question_id; source for a cut by source. Columns out: the
    same and `pass_rate` (Float64). BadInput: none of low, high and keep; low above high.
    """
    where = "filter.pass_rate"
    if low is None and high is None and keep is None:
        raise BadInput(f"{where}: give 'low' and 'high' (shares of right answers), 'keep' (how many), or both")
    if low is not None and high is not None and low > high:
        raise BadInput(f"{where}: 'low' ({low}) is above 'high' ({high})")
    check_keep(questions, keep=keep, at_least=low, at_most=high, per_source=per_source, where=where)
    if READS[verify] not in questions.collect_schema():
        raise BadInput(f"{where}: verify: {verify} needs the column '{READS[verify]}'")
    asked = _askable(questions, READS[verify])
    answered = ask_teacher(
        asked,
        teacher=teacher,
        samples=samples,
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens,
        system=system,
        prefix=prefix,
    )
    with open_checker(verify, sandbox) as check:
        counts = _count(answered, check)
    rate = pl.col("pass_rate")
    easy = rate > high if high is not None else pl.lit(False)
    hard = rate < low if low is not None else pl.lit(False)
    return keep_best(
        questions,
        _scores(questions, counts, READS[verify]),
        score="pass_rate",
        keep=keep,
        at_least=low,
        at_most=high,
        per_source=per_source,
        seed=seed,
        low=pl.when(easy)
        .then(pl.lit("too_easy"))
        .when(hard)
        .then(pl.lit("too_hard"))
        .otherwise(pl.lit("not_among_hardest")),
        failed=pl.when(pl.col(_FAILED) == samples).then(pl.lit("no_answer")).otherwise(pl.lit("not_verifiable")),
        evidence={
            "right": pl.col(_RIGHT),
            "checked": pl.col(_CHECKED),
            "samples": samples,
            "model": teacher.model,
        },
        where=where,
        lowest=True,
    )


def _askable(questions: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """The questions that an answer can be checked for, numbered, with no more than the teacher and a verifier read."""
    schema = questions.collect_schema()
    read = [column for column in ("question", "reference", "tests", "extra") if column in schema]
    return questions.select(read).with_row_index(ROW).filter(~blank(pl.col(key)))


def _count(answered: Iterator[Split], check: Check) -> pl.DataFrame:
    """How many answers of a row were right and how many could be checked, how many requests failed, and why."""
    pieces = []
    for split in answered:
        kept, dropped = pl.collect_all([split.kept, split.dropped])
        columns = [column for column in ("answer", "reference", "tests") if column in kept.columns]
        judgements = list(check(kept.select(columns).to_dicts()))
        unchecked = [judgement.verdict in NOT_CHECKED for judgement in judgements]
        pieces.append(
            pl.DataFrame(
                {
                    ROW: kept[ROW],
                    _RIGHT: [judgement.verdict is Verdict.RIGHT for judgement in judgements],
                    _CHECKED: [not out for out in unchecked],
                    _FAILED: [False] * len(kept),
                    ERROR: [j.reason if out else None for j, out in zip(judgements, unchecked, strict=True)],
                },
                schema_overrides={_RIGHT: pl.Boolean, _CHECKED: pl.Boolean, _FAILED: pl.Boolean, ERROR: pl.String},
            )
        )
        no = pl.lit(False)
        error = pl.col("drop_evidence").str.json_path_match("$.error")
        pieces.append(
            dropped.select(ROW, no.alias(_RIGHT), no.alias(_CHECKED), pl.lit(True).alias(_FAILED), error.alias(ERROR))
        )
    sums = [pl.col(column).cast(pl.Int64).sum() for column in (_RIGHT, _CHECKED, _FAILED)]
    return pl.concat(pieces).group_by(ROW).agg(*sums, pl.col(ERROR).drop_nulls().first())


def _scores(questions: pl.LazyFrame, counts: pl.DataFrame, key: str) -> pl.DataFrame:
    """One row a question: the rate and what it was counted from, or why there is none."""
    rows = questions.select(blank(pl.col(key)).alias("__blank")).with_row_index(ROW).collect(engine="streaming")
    checked = pl.col(_CHECKED) > 0
    why = pl.when("__blank").then(pl.lit(f"no {key}")).otherwise(pl.col(ERROR))
    return (
        rows.join(counts, on=ROW, how="left", maintain_order="left")
        .with_columns(
            pl.when(checked).then(pl.col(_RIGHT) / pl.col(_CHECKED)).alias("pass_rate"),
            pl.when(checked.fill_null(False)).then(None).otherwise(why).alias(ERROR),
        )
        .drop(ROW)
    )
