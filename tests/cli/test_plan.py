"""`ot plan` beside the ledger of the run that follows it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ot_assets.cli.main import main
from ot_resources.generators.ledger import Ledger
from tests.graph.running import make
from tests.recipes.small import math, recipe, write_recipe

KEPT = 8
FILTER, ANSWERS = "small/math/filtered", "small/math/answers"


def body(samples: int, **more: Any) -> dict[str, Any]:
    """The small recipe with two stages that ask a model: the longest answers, then so many of each."""
    found = recipe() | more
    stages = math(found)
    stages[3:4] = [
        {"filter": {"use": "response_length", "keep": KEPT, "max_tokens": 32}},
        {"answers": {"use": "teacher", "samples": samples, "max_tokens": 48}},
    ]
    found["scale"] = {"local": 1}
    return found


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def planned(file: Path, *arguments: str) -> dict[str, Any]:
    result = called("plan", str(file), "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def stages(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {stage["asset"]: stage for stage in plan["stages"]}


def counts(stage: dict[str, Any]) -> tuple[float, float, float]:
    """(requests, in the ledger, new) as expected."""
    return tuple(stage[name]["estimate"] for name in ("requests", "in_ledger", "new"))  # type: ignore[return-value]


def accounts(data: Path, run_id: str) -> dict[str, dict[str, Any]]:
    with closing(Ledger(data / "ledger")) as ledger:
        return {account["asset"]: account for account in ledger.accounts(run_id)}


def agree(plan: dict[str, Any], data: Path, run_id: str) -> None:
    """What the run asked and paid lies in the plan's ranges, stage by stage and in all."""
    done = accounts(data, run_id)
    asking = {name: stage for name, stage in stages(plan).items() if not stage["made"]}
    assert asking.keys() == done.keys()
    for name, stage in asking.items():
        account = done[name]
        new = account["answered"] + account["failed"] + account["pending"]
        for told, got in {"requests": account["requested"], "in_ledger": account["reused"], "new": new}.items():
            assert stage[told]["low"] <= got <= stage[told]["high"], (name, told, got, stage[told])
        for told in ("prompt_tokens", "completion_tokens"):
            assert stage[told]["low"] <= account[told] <= stage[told]["high"], (name, told, account[told], stage[told])
    for told in ("prompt_tokens", "completion_tokens"):
        total = sum(account[told] for account in done.values())
        assert plan["total"][told]["low"] <= total <= plan["total"][told]["high"]


def files(root: Path) -> set[Path]:
    """What is written below a data root, without the fetched sources and the index, which is derived."""
    return {path for path in root.rglob("*") if not {"hub"} & set(path.parts) and "index" not in path.name}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The plans before and after two runs, with 4 answers a question and with 16."""
    folder = tmp_path_factory.mktemp("planned")
    data = folder / "data"
    data.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OT_ENV", "local")
        patch.setenv("OT_DATA", str(data))
        four = write_recipe(folder, body(4), "four.yaml")
        sixteen = write_recipe(folder, body(16), "sixteen.yaml")
        found: dict[str, Any] = {"data": data, "empty": planned(four), "untouched": files(data)}
        make(four, upto=ANSWERS, run_id="four")
        before = files(data)
        found |= {"made": planned(four), "more": planned(sixteen, "--price-output", "2"), "same": files(data) == before}
        # A recipe of another name would find no table either.
        shutil.move(data / "store", folder / "store")
        shutil.move(data / "latest", folder / "latest")
        found |= {"stored": planned(four)}
        shutil.rmtree(data / "store", ignore_errors=True)
        shutil.rmtree(data / "latest", ignore_errors=True)
        shutil.move(folder / "store", data / "store")
        shutil.move(folder / "latest", data / "latest")
        found |= {"told": called("plan", str(sixteen), "--budget", "tokens=100").stdout}
        make(sixteen, upto=ANSWERS, run_id="sixteen")
        yield found


@pytest.mark.usefixtures("teacher")
class TestStory:
    def test_with_an_empty_ledger_all_is_new_and_nothing_is_measured(self, story):
        empty = stages(story["empty"])
        assert counts(empty[FILTER]) == (17, 0, 17)
        assert empty[FILTER]["unsure"] == ["lengths not measured"]
        assert counts(empty[ANSWERS])[0] == KEPT * 4
        assert empty[ANSWERS]["unsure"] == ["rows hang on answers", "lengths not measured"]
        assert story["empty"]["total"]["seconds"] is None
        agree(story["empty"], story["data"], "four")

    def test_a_plan_writes_nothing_and_asks_nothing(self, story):
        assert story["untouched"] == set()
        assert story["same"]

    def test_tables_that_are_there_ask_nothing(self, story):
        for stage in stages(story["made"]).values():
            assert stage["made"]
            assert counts(stage) == (0, 0, 0)
        assert story["made"]["total"]["completion_tokens"]["high"] == 0

    def test_where_only_the_ledger_has_the_answers_none_is_new(self, story):
        stored = stages(story["stored"])
        assert counts(stored[FILTER]) == (17, 17, 0)
        assert counts(stored[ANSWERS]) == (KEPT * 4, KEPT * 4, 0)
        assert all(stage["unsure"] == [] for stage in stored.values())

    def test_twelve_more_answers_a_question_are_new_and_their_length_is_measured(self, story):
        more = stages(story["more"])
        assert more[FILTER]["made"]
        total, stored, new = counts(more[ANSWERS])
        assert (total, new) == (stored * 4, stored * 3)
        assert more[ANSWERS]["unsure"] in ([], ["few lengths measured"])
        written = more[ANSWERS]["completion_tokens"]
        assert 0 < written["low"] < written["estimate"] < written["high"]
        assert more[ANSWERS]["money"]["estimate"] == pytest.approx(written["estimate"] * 2e-6, rel=0.01)
        agree(story["more"], story["data"], "sixteen")

    def test_the_text_tells_the_total_and_what_the_budget_lacks(self, story):
        assert "total" in story["told"]
        assert "budget: 100 tokens, needed" in story["told"]
        assert "spent before all is asked" in story["told"]


def test_a_budget_ends_the_run_where_the_plan_says_so(data_root, tmp_path, teacher):
    file = write_recipe(tmp_path, body(4, budget={"tokens": 20}))
    plan = planned(file, "--upto", "filtered")
    assert [part | {"needed": None} for part in plan["budget"]] == [
        {"of": "tokens", "cap": 20, "needed": None, "reached": "yes"}
    ]
    make(file, upto=FILTER, run_id="capped")
    account = accounts(data_root, "capped")[FILTER]
    assert account["prompt_tokens"] + account["completion_tokens"] >= 20
    assert account["answered"] + account["pending"] == counts(stages(plan)[FILTER])[2]
    assert account["answered"] + account["pending"] > 0


def test_a_recipe_that_asks_no_model_says_so(data_root, tmp_path):
    assert called("plan", str(write_recipe(tmp_path))).stdout == "small asks no model anything\n"


def test_stages_that_hang_on_verdicts_have_a_range_of_requests(data_root, tmp_path, teacher):
    changed = body(2)
    at = next(place for place, stage in enumerate(math(changed)) if "verify" in stage)
    math(changed)[at + 1 :] = [{"select": "verified"}, {"select": {"use": "judged", "as": "judged"}}]
    plan = stages(planned(write_recipe(tmp_path, changed)))
    judged = plan["small/math/judged"]
    assert judged["unsure"] == ["rows hang on answers", "lengths not measured"]
    assert judged["requests"]["low"] < judged["requests"]["estimate"] < judged["requests"]["high"] <= KEPT * 3


def test_a_stage_that_asks_on_until_answers_are_right_has_a_range(data_root, tmp_path, teacher):
    changed = recipe()
    asked = {"use": "until_accepted", "verify": "math", "accepted": 1, "most": 8, "max_tokens": 48}
    math(changed)[3] = {"answers": asked}
    answers = stages(planned(write_recipe(tmp_path, changed)))[ANSWERS]
    assert answers["unsure"] == ["rows hang on answers", "lengths not measured"]
    asked = answers["requests"]
    assert asked["low"] <= 17 < asked["estimate"] < 17 * 4 < asked["high"]


def test_a_filter_that_no_stand_in_passes_lets_about_as_many_through(data_root, tmp_path, teacher):
    changed = body(4)
    math(changed)[3] = {"filter": {"use": "pass_rate", "verify": "math", "samples": 4, "low": 0.2, "max_tokens": 48}}
    plan = stages(planned(write_recipe(tmp_path, changed)))
    assert counts(plan[FILTER]) == (17 * 4, 0, 17 * 4)
    requests, again, new = counts(plan[ANSWERS])
    # They are the filter's own requests: asked once.
    assert 0 < requests < 17 * 4
    assert (again, new) == (requests, 0)


def test_a_source_that_is_not_there_is_told_before_all_else(data_root, tmp_path):
    file = write_recipe(tmp_path, body(4))
    (tmp_path / "questions.parquet").unlink()
    result = called("plan", str(file))
    assert result.exit_code == 2
    assert "questions.parquet" in result.stderr


class TestLedger:
    def test_a_whole_ledger_is_told_whole(self, story, monkeypatch):
        monkeypatch.setenv("OT_DATA", str(story["data"]))
        result = called("ledger", "--check")
        assert (result.exit_code, result.stdout) == (0, "the ledger is whole\n")

    def test_each_damaged_stretch_is_a_line(self, story, tmp_path, monkeypatch):
        shutil.copytree(story["data"] / "ledger", tmp_path / "ledger")
        segment = tmp_path / "ledger" / "segments" / "000001.log"
        written = bytearray(segment.read_bytes())
        written[len(written) // 2] ^= 1
        segment.write_bytes(written)
        monkeypatch.setenv("OT_DATA", str(tmp_path))
        result = called("ledger", "--check")
        assert result.exit_code == 1
        [line] = result.stdout.splitlines()
        assert line.startswith(f"{segment}: ")
        assert "hold no whole record" in line

    def test_money_is_told_where_a_price_was_known(self, data_root, tmp_path, monkeypatch, teacher):
        monkeypatch.setenv("OT_TEACHER_OPTIONS", "{price_output: 3}")
        file = write_recipe(tmp_path, body(1))
        make(file, upto=ANSWERS, run_id="paid")
        rows = {row["asset"]: row for row in json.loads(called("ledger", "--json").stdout)}
        assert rows[ANSWERS]["money"] == pytest.approx(rows[ANSWERS]["completion_tokens"] * 3e-6)
        assert rows[FILTER]["money"] is None
