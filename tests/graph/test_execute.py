"""What executing a node guarantees: checked before the name moves, reused where nothing changed."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ot_assets.graph.checking import StageFailed
from ot_assets.graph.execute import execute
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import plan
from ot_assets.strategies import Split
from ot_resources.generators.budget import Budget
from ot_resources.generators.engine import Completion
from ot_resources.generators.flight import Patience
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.interfaces import BadInput, FinishReason
from ot_resources.store import Store, run_lines
from tests.engines.rule_engine import RuleEngine, echo, generator
from tests.graph.running import make, tools
from tests.recipes.small import KEPT, RIGHT, math, recipe, write_recipe
from tests.resources.writing import leftovers


@pytest.fixture
def store(data_root) -> Store:
    return Store(root=str(data_root))


def test_a_whole_recipe(tmp_path, store):
    made = make(write_recipe(tmp_path))
    assert {name: m.version.rows for name, m in made.items() if name.startswith("small/")} == {
        "small/math/questions": 19,
        "small/math/decontaminated": 18,
        "small/math/deduplicated": KEPT,
        "small/math/answers": KEPT,
        "small/math/verified": KEPT,
        "small/math/selected": KEPT,
        "small/math/formatted": KEPT,
        "small/dataset": KEPT,
        "small/metadata": KEPT,
    }
    assert made["sources/made"].version.record["dropped"] == {"empty_question": 1}
    assert made["small/math/decontaminated"].version.record["dropped"] == {"contaminated": 1}
    assert made["small/math/deduplicated"].version.record["dropped"] == {"duplicate": 1}
    assert all(check.passed for m in made.values() for check in m.checks)
    dataset, metadata = (made[f"small/{name}"].version.scan().collect() for name in ("dataset", "metadata"))
    assert dataset.columns == ["row_id", "conversations", "question", "source", "id"]
    assert dataset["row_id"].to_list() == metadata["row_id"].to_list()
    assert metadata["verdict"].value_counts(sort=True).rows() == [("right", RIGHT), ("wrong", 1)]
    assert not leftovers(store.path)


def test_a_second_run_reuses_everything(tmp_path, store):
    file = write_recipe(tmp_path)
    first, second = make(file, run_id="one"), make(file, run_id="two")
    assert not any(made.reused for made in first.values())
    assert all(made.reused for made in second.values())
    assert {n: m.version.version for n, m in first.items()} == {n: m.version.version for n, m in second.items()}
    lines = [line for line in run_lines(store.path) if line["run_id"] == "two"]
    assert len(lines) == len(second)
    assert all(line["reused"] for line in lines)


def test_what_is_reused_is_not_run(tmp_path, store, strategy):
    calls = []

    @strategy(stage="dedup", version=1)
    def counted(questions: pl.LazyFrame) -> pl.LazyFrame:
        """Keep all, and remember being called."""
        calls.append(1)
        return questions

    body = recipe()
    math(body)[2] = {"dedup": "counted"}
    file = write_recipe(tmp_path, body)
    make(file)
    assert calls == [1]
    make(file)
    assert calls == [1]


def test_a_late_choice_changes_only_what_is_downstream(tmp_path, store):
    first = make(write_recipe(tmp_path))
    body = recipe()
    math(body)[5] = {"select": "verified"}
    second = make(write_recipe(tmp_path, body))
    assert {name for name, made in second.items() if not made.reused} == {
        "small/math/selected",
        "small/math/formatted",
        "small/dataset",
        "small/metadata",
    }
    assert second["small/dataset"].version.rows == RIGHT
    assert second["small/math/selected"].version.record["dropped"] == {"verdict_wrong": 1}
    again = make(write_recipe(tmp_path))
    assert all(made.reused for made in again.values())
    assert again["small/dataset"].version.version == first["small/dataset"].version.version


def test_recipes_share_their_common_prefix(tmp_path, store):
    first = make(write_recipe(tmp_path))
    body = recipe() | {"name": "other"}
    math(body)[5] = {"select": "verified"}
    second = make(write_recipe(tmp_path, body, "other.yaml"))
    reused = {name for name, made in second.items() if made.reused}
    stages = ("questions", "decontaminated", "deduplicated", "answers", "verified")
    assert reused == {"sources/made", "benchmarks/bench", *(f"other/math/{stage}" for stage in stages)}
    for stage in stages:
        assert second[f"other/math/{stage}"].version.version == first[f"small/math/{stage}"].version.version
    assert second["other/math/selected"].version.version != first["small/math/selected"].version.version


def test_a_changed_parameter_or_source_is_run(tmp_path, store):
    make(write_recipe(tmp_path))
    body = recipe()
    math(body)[1]["decontaminate"]["threshold"] = 95
    made = make(write_recipe(tmp_path, body))
    assert not made["small/math/decontaminated"].reused
    # the same rows went on, but they are known by another history
    assert not made["small/math/deduplicated"].reused
    before = made["small/math/questions"].version.scan().collect()
    table = pl.read_parquet(tmp_path / "questions.parquet")
    added = table[:1].with_columns(pl.lit("id-new").alias("id"), pl.lit("What is new?").alias("problem"))
    pl.concat([added, table]).write_parquet(tmp_path / "questions.parquet")
    after = make(write_recipe(tmp_path, body))["small/math/questions"].version.scan().collect()
    assert_frame_equal(after[1:], before)


def nothing(questions: pl.LazyFrame) -> Split:
    """Drop all."""
    return Split(
        questions.clear(),
        questions.with_columns(pl.lit("bad").alias("drop_reason"), pl.lit("{}").alias("drop_evidence")),
    )


def twice(questions: pl.LazyFrame) -> pl.LazyFrame:
    """Repeat all."""
    return pl.concat([questions, questions])


def narrower(questions: pl.LazyFrame) -> pl.LazyFrame:
    """Lose a column."""
    return questions.drop("domain")


def retyped(questions: pl.LazyFrame) -> pl.LazyFrame:
    """Change a column's type."""
    return questions.with_columns(pl.lit(1).alias("reference"))


def forgetful(questions: pl.LazyFrame) -> pl.LazyFrame:
    """Lose a row without a reason."""
    return questions.slice(1)


def nameless(questions: pl.LazyFrame) -> pl.LazyFrame:
    """Lose the ids."""
    return questions.drop("question_id")


BROKEN = {
    nothing: ({"rows_present"}, "0 rows; dropped: bad 18"),
    twice: ({"ids_unique", "counts_add_up"}, "occurs 2 times"),
    narrower: ({"contract"}, "domain is missing"),
    retyped: ({"contract"}, "reference is Int32, not String"),
    forgetful: ({"counts_add_up"}, "18 in = 17 kept + 0 dropped"),
    nameless: ({"ids_unique", "contract"}, "cannot be told: question_id is missing"),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda function: function.__name__)
def test_a_table_that_fails_a_check_is_not_put_in_use(tmp_path, store, strategy, broken):
    good = make(write_recipe(tmp_path))["small/math/deduplicated"].version
    strategy(stage="dedup", version=1)(broken)
    body = recipe()
    math(body)[2] = {"dedup": broken.__name__}
    file = write_recipe(tmp_path, body)
    with pytest.raises(StageFailed, match="small/math/deduplicated: ") as raised:
        make(file)
    failed, message = BROKEN[broken]
    assert {check.name for check in raised.value.checks if not check.passed} == failed
    assert any(message in check.message for check in raised.value.checks)
    assert "\n" not in str(raised.value)
    assert store.latest(("small", "math", "deduplicated")).version == good.version
    assert not leftovers(store.path)


def test_answers_must_add_up_to_questions_times_samples(tmp_path, store, strategy):
    @strategy(stage="answers", version=1)
    def stingy(questions: pl.LazyFrame, *, samples: int = 3) -> pl.LazyFrame:
        """Two answers where three were asked for."""
        answer = {"model": "m", "reasoning": "r", "answer": r"\boxed{1}", "finish_reason": "stop", "response_id": "i"}
        answered = questions.with_columns(
            *(pl.lit(v).alias(k) for k, v in answer.items()), prompt_tokens=1, completion_tokens=1
        )
        counts = answered.with_columns(pl.col("prompt_tokens", "completion_tokens").cast(pl.Int64))
        return pl.concat([counts.with_columns(pl.lit(n, pl.Int64).alias("sample")) for n in range(2)])

    body = recipe()
    math(body)[3] = {"answers": {"use": "stingy", "samples": 3}}
    with pytest.raises(StageFailed, match=f"counts_add_up failed: {KEPT} x 3 = {2 * KEPT} answered"):
        make(write_recipe(tmp_path, body))
    math(body)[3] = {"answers": {"use": "stingy", "samples": 2}}
    assert make(write_recipe(tmp_path, body))["small/dataset"].version.rows == 2 * KEPT


def test_a_strategy_that_breaks_leaves_the_last_good_version(tmp_path, store, strategy):
    good = make(write_recipe(tmp_path))["small/math/deduplicated"].version

    @strategy(stage="dedup", version=1)
    def breaks(questions: pl.LazyFrame) -> pl.LazyFrame:
        """Fail when rows come."""
        return questions.with_columns(pl.col("question").str.to_integer())

    body = recipe()
    math(body)[2] = {"dedup": "breaks"}
    with pytest.raises(pl.exceptions.PolarsError):
        make(write_recipe(tmp_path, body))
    assert store.latest(("small", "math", "deduplicated")).version == good.version
    assert not leftovers(store.path)


def test_an_upstream_table_that_was_never_made_is_named(tmp_path, data_root):
    node = next(n for n in plan(load_recipe(write_recipe(tmp_path))) if n.name == "small/math/deduplicated")
    with pytest.raises(BadInput, match="reads small/math/decontaminated, which was never materialised"):
        execute(node, tools())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.clear(), "no rows"),
        (lambda t: pl.concat([t, t[:1]]), "the key 'id-0' of the column 'id' comes twice, in rows 1 and 21"),
        (lambda t: t.with_columns(pl.lit(None, pl.String).alias("id")), "row 1 has no key in the column 'id'"),
    ],
)
def test_a_source_that_cannot_be_used_is_one_line(tmp_path, data_root, change, told):
    file = write_recipe(tmp_path)
    table = tmp_path / "questions.parquet"
    change(pl.read_parquet(table)).write_parquet(table)
    with pytest.raises(BadInput) as raised:
        make(file)
    assert told in str(raised.value)
    assert "small.yaml" in str(raised.value)
    assert "questions.parquet" in str(raised.value)


def test_the_record_tells_what_made_the_table(tmp_path, data_root):
    made = make(write_recipe(tmp_path))
    record = made["small/math/deduplicated"].version.record
    params = {"normalise": "none", "order": []}
    assert record["choice"] == {"stage": "dedup", "strategy": "exact", "strategy_version": 3, "params": params}
    assert [step["stage"] for step in record["trail"]] == ["sources", "decontaminate", "dedup"]
    assert [i["version"] for i in record["inputs"]] == [made["small/math/decontaminated"].version.version]
    assert (record["rows_in"], record["rows_out"], record["rows_dropped"]) == (18, KEPT, 1)
    assert "made" in {source["id"] for source in record["sources"]}
    assert record["packages"]["polars"] == pl.__version__


class Flaky:
    """A teacher's resource whose first engine is overloaded for every other request."""

    identity = "flaky@1"

    def __init__(self, folder, healthy: bool) -> None:
        self._ledger = Ledger(folder)
        self._engine = RuleEngine(answer_of=echo if healthy else self._sometimes, model=self.identity)

    def generator(self, run_id: str, asset: str, budget: Budget) -> LedgeredGenerator:
        return generator(self._engine, self._ledger, run_id, asset, budget=budget, patience=Patience(pause=0.01))

    @staticmethod
    def _sometimes(request):
        if request.sample % 2:
            return Completion("", FinishReason.ERROR, 1, 0, "503 overloaded")
        return echo(request)


def test_answers_that_failed_for_a_while_are_asked_again_in_the_next_run(tmp_path, store):
    body = recipe()
    track = [s for s in math(body) if not {"answers", "verify"} & set(s)]
    at = next(i for i, s in enumerate(track) if "dedup" in s) + 1
    body["tracks"]["math"] = [*track[:at], {"answers": {"use": "teacher", "samples": 2}}, *track[at:]]
    nodes = plan(load_recipe(write_recipe(tmp_path, body)))
    rows = []
    for run, healthy in (("one", False), ("two", True), ("three", True)):
        outside = replace(tools(run), store=store, models={"teacher": Flaky(tmp_path / "ledger", healthy)})
        made = {node.name: execute(node, outside) for node in nodes}
        rows.append((made["small/math/answers"].version.rows, made["small/math/answers"].reused))
    assert rows == [(KEPT, False), (2 * KEPT, False), (2 * KEPT, True)]


def test_two_runs_at_the_same_time_do_not_read_each_others_tables(tmp_path, store):
    nodes = {}
    for name, seed in (("one", 1), ("two", 2)):
        body = recipe()
        at = next(i for i, s in enumerate(math(body)) if "dedup" in s) + 1
        math(body).insert(at, {"sample": {"use": "uniform", "n": 3, "seed": seed}})
        (tmp_path / name).mkdir()
        nodes[name] = plan(load_recipe(write_recipe(tmp_path / name, body)))
    outside = {name: replace(tools(name), store=store) for name in nodes}
    made = {}
    for ours, theirs in zip(nodes["one"], nodes["two"], strict=True):
        for name, node in (("one", ours), ("two", theirs)):
            made[name, node.name] = execute(node, outside[name])
    for name in nodes:
        sampled = made[name, "small/math/sampled"].version.scan().collect()["question_id"].to_list()
        released = made[name, "small/metadata"].version.scan().collect()["question_id"].to_list()
        assert sorted(released) == sorted(sampled)
