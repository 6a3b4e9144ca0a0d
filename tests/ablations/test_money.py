"""What rows cost is read off the records of the tables behind them, whoever paid for it."""

from __future__ import annotations

import polars as pl
import pytest

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.plan import StudyPlan, plan_study
from ot_assets.cli.costs import Rates
from ot_assets.cli.study_plan import plan_of_study
from ot_assets.graph.checking import StageFailed
from ot_assets.graph.execute import Made, execute
from ot_assets.graph.standing import scoreboard_node
from tests.ablations.small import study, write_study
from tests.graph.running import tools

pytestmark = pytest.mark.usefixtures("data_root", "teacher")

PRICE = 100.0
ANSWERS = {"use": "teacher", "max_tokens": 16, "temperature": 0.7}
FORMAT = {"use": "think", "require_reasoning": False, "keep_truncated": True}


def priced(tmp_path, cell) -> StudyPlan:
    """Two studies in one: one answer a question, and three."""
    body = study() | {"stage": "answers", "cell": cell}
    body["common"] = {"verify": {"use": "none", "reason": "not asked here"}, "format": FORMAT}
    body["variants"] = {"one": ANSWERS | {"samples": 1}, "three": ANSWERS | {"samples": 3}}
    return plan_study(load_study(write_study(tmp_path, body)))


def made_up_to_the_cell(plan: StudyPlan, variant: str) -> dict[str, Made]:
    nodes = [node for node in plan.nodes(variant) if node.stage not in ("student", "scores")]
    return {node.key[-1]: execute(node, tools(variant)) for node in nodes}


@pytest.fixture
def prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OT_TEACHER_OPTIONS", f"{{price_output: {PRICE}}}")


def test_answers_out_of_the_ledger_cost_what_they_cost(tmp_path, prices):
    plan = priced(tmp_path, {"rows": 10})
    one, three = (made_up_to_the_cell(plan, name) for name in ("one", "three"))
    # The first of the three answers is that of the one, which was paid already.
    assert three["answers"].usage.reused == one["answers"].version.rows
    for made in (one, three):
        (asked,) = made["cell"].version.record["asked"]
        tokens = made["answers"].version.scan().select(pl.col("completion_tokens").sum()).collect().item()
        assert (asked["stage"], asked["role"]) == ("answers", "teacher")
        assert asked["requests"] == made["answers"].version.rows
        assert asked["completion_tokens"] == tokens
        assert asked["money"] == pytest.approx(tokens * PRICE / 1e6)


def test_the_scoreboard_is_told_rows_tokens_and_money_of_each_cell(tmp_path, prices):
    plan = priced(tmp_path, {"rows": 10})
    cells = {name: made_up_to_the_cell(plan, name)["cell"].version for name in plan.variants}
    told = scoreboard_node(plan, tools()).params["standing"]
    for name, cell in cells.items():
        (asked,) = cell.record["asked"]
        share = cell.rows / (cell.rows + cell.rows_dropped)
        assert told[name]["rows"] == 10
        assert told[name]["tokens"] == cell.scan().select(pl.col("completion_tokens").sum()).collect().item()
        assert told[name]["money"] == pytest.approx(asked["money"] * share, abs=1e-6)
        assert told[name]["verdict"] == "not made"
        assert told[name]["reason"] == "student: not made yet"


def test_equal_money_is_as_many_rows_as_it_buys(tmp_path, prices):
    plan = priced(tmp_path, {"money": 0.01})
    one = made_up_to_the_cell(plan, "one")["cell"]
    (asked,) = one.version.record["asked"]
    everything = one.version.rows + one.version.rows_dropped
    assert one.version.rows == int(everything * 0.01 / asked["money"])
    assert one.version.rows < everything
    with pytest.raises(StageFailed, match=r"small_study/one/cell: cell_filled failed: 0.0\d* of 5.0 of money"):
        made_up_to_the_cell(priced(tmp_path, {"money": 5}), "one")


def test_what_two_variants_ask_is_asked_once(tmp_path):
    """A plan before anything is asked: the three answers of each question contain the one."""
    priced(tmp_path, {"rows": 10})
    found = plan_of_study(str(tmp_path / "small_study.yaml"), (), None, None, Rates())
    asked = {asking.node.key[1]: asking for asking, _ in found.asked.stages}
    one, three = asked["one"], asked["three"]
    assert three.requests.estimate == 3 * one.requests.estimate > 0
    assert one.new.estimate == one.requests.estimate
    assert three.new.estimate == three.requests.estimate - one.requests.estimate
    assert all("cell" in to_make and "student" in to_make for _, to_make in found.stages.values())
