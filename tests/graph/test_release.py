"""The checks of a finished dataset, each of them made to fail."""

from __future__ import annotations

import polars as pl
import pytest

from ot_assets.graph.checking import StageFailed
from ot_assets.graph.keys import resource_keys
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import plan
from ot_assets.strategies import Split
from ot_assets.strategies.running import nothing_dropped
from ot_resources.interfaces import Embedder
from ot_resources.store import Store
from tests.graph.running import make
from tests.recipes.small import KEPT, LEAK, math, recipe, write_inputs, write_recipe


def checks(made, name="small/dataset"):
    return {check.name: check for check in made[name].checks}


def test_a_quota_is_met_exactly_and_the_rest_is_dropped(tmp_path, data_root):
    body = recipe() | {"dataset": {"rows": {"math": 10}}}
    made = make(write_recipe(tmp_path, body))
    record = made["small/dataset"].version.record
    assert (record["rows_out"], record["dropped"]) == (10, {"over_quota": KEPT - 10})
    assert checks(made)["quota_met"].message == "math 10 of 10"
    assert made["small/metadata"].version.rows == 10


def test_a_quota_that_is_not_met_keeps_the_last_dataset(tmp_path, data_root):
    good = make(write_recipe(tmp_path))["small/dataset"].version
    body = recipe() | {"dataset": {"rows": {"math": KEPT + 1}}}
    with pytest.raises(StageFailed, match=f"quota_met failed: math {KEPT} of {KEPT + 1}; give more 'spare'"):
        make(write_recipe(tmp_path, body))
    assert Store(root=str(data_root)).latest(("small", "dataset")).version == good.version


def test_a_released_question_that_is_a_benchmarks_own_blocks(tmp_path, data_root, strategy):
    @strategy(stage="filter", version=1)
    def relapse(questions: pl.LazyFrame) -> pl.LazyFrame:
        """Write a benchmark question over one that was clean."""
        first = pl.int_range(pl.len()) == 0
        return questions.with_columns(pl.when(first).then(pl.lit(LEAK + " ")).otherwise("question").alias("question"))

    body = recipe()
    math(body).insert(2, {"filter": "relapse"})
    with pytest.raises(StageFailed, match="no_benchmark_overlap failed: 1 question matches: bench 1;") as raised:
        make(write_recipe(tmp_path, body))
    assert " is bench " in str(raised.value)
    assert "(indel 99.4" in str(raised.value)


def test_a_stricter_rule_than_the_tracks_own_is_not_asked(tmp_path, data_root):
    """The overlap is told by the recipe's own rule: what it let pass passes again."""
    body = recipe()
    math(body)[1]["decontaminate"]["threshold"] = 100
    write_inputs(tmp_path)
    pl.DataFrame({"q": [LEAK.replace("noon", "ten")]}).write_ndjson(tmp_path / "benchmark.jsonl")
    made = make(write_recipe(tmp_path, body))
    assert made["small/dataset"].version.rows == KEPT + 1
    assert checks(made)["no_benchmark_overlap"].passed


def test_a_rule_is_run_again_with_what_it_asks_for(tmp_path, data_root, strategy):
    """And with whatever evidence it gives."""

    @strategy(stage="decontaminate", version=1, needs=("question", "domain"))
    def by_model(questions: pl.LazyFrame, *, against: pl.LazyFrame, embedder: Embedder) -> Split:
        """Drop what was written over."""
        hit = pl.col("question").eq("Written over.") & pl.col("domain").is_not_null()
        gone = questions.filter(hit).with_columns(
            drop_reason=pl.lit("seen"), drop_evidence=pl.lit(f'{{"model": "{embedder.model}"}}')
        )
        return Split(questions.filter(~hit), gone)

    @strategy(stage="filter", version=1)
    def relapse(questions: pl.LazyFrame) -> pl.LazyFrame:
        """Write over one question."""
        first = pl.int_range(pl.len()) == 0
        return questions.with_columns(
            pl.when(first).then(pl.lit("Written over.")).otherwise("question").alias("question")
        )

    body = recipe()
    math(body)[0]["sources"][0]["domain"] = "math"
    math(body)[1] = {"decontaminate": {"use": "by_model", "against": math(body)[1]["decontaminate"]["against"]}}
    file = write_recipe(tmp_path, body)
    assert checks(make(file))["no_benchmark_overlap"].message == "no question matches, by the tracks' own rules"
    assert "embedder" in resource_keys({node.name: node for node in plan(load_recipe(file))}["small/dataset"])
    math(body).insert(2, {"filter": "relapse"})
    with pytest.raises(
        StageFailed, match=r"1 question matches: unnamed 1; first: \w+ is an unnamed item \(its rule: ''\)"
    ):
        make(write_recipe(tmp_path, body))


def test_open_tags_block(tmp_path, data_root, strategy):
    @strategy(stage="format", version=1, publishes=("conversations",))
    def left_open(answers: pl.LazyFrame) -> Split:
        """Open a block and leave it so."""
        turn = pl.struct(pl.lit("gpt").alias("from"), pl.lit("<think>and then").alias("value"))
        ids = pl.format("{}-{}", "question_id", "sample").alias("row_id")
        kept = answers.with_columns(ids, pl.concat_list(turn).alias("conversations"))
        return Split(kept, nothing_dropped(kept))

    with pytest.raises(StageFailed, match=f"tags_closed failed: {KEPT} rows with open or repeated tags, first: "):
        make(write_recipe(tmp_path, recipe() | {"format": "left_open"}))


def test_an_open_solution_blocks_too(tmp_path, data_root, strategy):
    @strategy(stage="format", version=1, publishes=("conversations",))
    def half_solved(answers: pl.LazyFrame) -> Split:
        """Open a solution and leave it so."""
        turn = pl.struct(pl.lit("gpt").alias("from"), pl.lit("<|begin_of_solution|>so").alias("value"))
        ids = pl.format("{}-{}", "question_id", "sample").alias("row_id")
        kept = answers.with_columns(ids, pl.concat_list(turn).alias("conversations"))
        return Split(kept, nothing_dropped(kept))

    with pytest.raises(StageFailed, match=f"tags_closed failed: {KEPT} rows with open or repeated tags, first: "):
        make(write_recipe(tmp_path, recipe() | {"format": "half_solved"}))


def test_truncated_traces_are_released_where_the_format_keeps_them(tmp_path, data_root):
    write_inputs(tmp_path)
    rows = pl.read_parquet(tmp_path / "questions.parquet")
    first = pl.int_range(pl.len()) == 0
    cut = pl.when(first).then(pl.lit("<think>on and on")).otherwise("reply").alias("reply")
    rows.with_columns(cut).write_parquet(tmp_path / "questions.parquet")
    gated = make(write_recipe(tmp_path))["small/math/formatted"].version.record
    assert gated["dropped"] == {"truncated": 1}
    body = recipe() | {"format": {"use": "think", "keep_truncated": True}}
    made = make(write_recipe(tmp_path, body))
    assert made["small/dataset"].version.rows == KEPT
    check = checks(made)["tags_closed"]
    assert (check.passed, check.message) == (
        True,
        f"{KEPT} rows; 1 of them are open: the format keeps truncated traces",
    )


def test_who_wrote_it_warns_and_does_not_block(tmp_path, data_root):
    check = checks(make(write_recipe(tmp_path)))["real_teacher"]
    assert (check.passed, check.blocking) == (True, False)
    assert "imported traces" in check.message


def test_a_recipe_that_cleans_against_nothing_says_so(tmp_path, data_root):
    body = recipe()
    math(body)[1] = {"decontaminate": {"use": "none", "reason": "a trial"}}
    made = make(write_recipe(tmp_path, body))
    assert "against no benchmark" in checks(made)["no_benchmark_overlap"].message
    assert made["small/dataset"].version.rows == KEPT + 1
