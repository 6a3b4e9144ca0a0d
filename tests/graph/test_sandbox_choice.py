"""Which sandbox a stage gets: never a weak one for programs that the embedded models did not write, and it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.plan import plan_study
from ot_assets.graph import describe
from ot_assets.graph.capabilities import foreign_writer
from ot_assets.graph.execute import _inputs, execute
from ot_assets.graph.tools import Tools
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import Node, plan
from ot_resources.environments import resources
from ot_resources.generators.budget import Budget
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.interfaces import BadInput
from tests.ablations.boards import _put
from tests.ablations.small import study, write_study
from tests.engines.rule_engine import RuleEngine, generator
from tests.graph.running import make, tools
from tests.recipes.small import recipe, write_recipe

TESTS = '{"kind": "call", "fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}'


def code_recipe(folder: Path) -> Path:
    """Two questions with the answers that somebody else's model gave, one of them wrong."""
    body: dict[str, Any] = recipe()
    stages = body["tracks"].pop("math")
    source = stages[0]["sources"][0]
    source |= {"path": "tasks.parquet", "domain": "code", "tests": "tests"}
    del source["reference"]
    body["tracks"]["code"] = [stage for stage in stages if "decontaminate" not in stage and "verify" not in stage]
    body["tracks"]["code"].insert(1, {"decontaminate": {"use": "none", "reason": "a test"}})
    body["tracks"]["code"].insert(-1, {"verify": "code"})
    file = write_recipe(folder, body)
    rows = {
        "id": ["1", "2"],
        "problem": ["Add two numbers.", "Add two numbers, or so."],
        "reply": [f"```python\ndef add(a, b): return {text}\n```" for text in ("a + b", "a - b")],
        "tests": [TESTS, TESTS],
    }
    pl.DataFrame(rows).write_parquet(folder / "tasks.parquet")
    return file


def test_imported_programs_are_not_run_in_a_weak_sandbox_that_nobody_asked_for(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = code_recipe(tmp_path)
    with pytest.raises(BadInput, match="no Docker engine answers .* The programs are imported, .* OT_SANDBOX=process"):
        make(file)
    monkeypatch.setenv("OT_SANDBOX", "process")
    made = make(file)["small/code/verified"]
    assert sorted(made.version.scan().collect()["verdict"]) == ["right", "wrong"]
    assert made.version.record["sandboxes"][0].startswith("process: ")
    assert describe.metadata(made)["sandbox"].startswith("process: ")


def test_the_engine_is_chosen_where_it_is_there(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker) if docker else monkeypatch.delenv("DOCKER_HOST")
    made = make(code_recipe(tmp_path))["small/code/verified"]
    assert sorted(made.version.scan().collect()["verdict"]) == ["right", "wrong"]
    assert made.version.record["sandboxes"][0].startswith("docker: container, system call filter")


def test_docker_is_never_stepped_down_from(data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OT_SANDBOX", "docker")
    with pytest.raises(BadInput, match="^sandbox 'docker': no Docker engine answers .* DOCKER_HOST$"):
        make(code_recipe(tmp_path))


class Foreign:
    """The resource of a teacher that is not the embedded one."""

    identity = "someone@1"

    def __init__(self, folder: Path) -> None:
        self._ledger = Ledger(folder)

    def generator(self, run_id: str, asset: str, budget: Budget) -> LedgeredGenerator:
        return generator(RuleEngine(model=self.identity), self._ledger, run_id, asset, budget=budget)


@pytest.mark.parametrize(("verify", "refused"), [("code", True), ("math", False)])
def test_a_stage_that_runs_what_its_own_teacher_writes(
    data_root: Path, tmp_path: Path, verify: str, refused: bool
) -> None:
    body: dict[str, Any] = recipe()
    stages = body["tracks"]["math"]
    stages[0]["sources"][0] |= {"tests": "tests"}
    at = next(place for place, stage in enumerate(stages) if "answers" in stage)
    rate = {"use": "pass_rate", "verify": verify, "samples": 2, "keep": 5}
    body["tracks"]["math"] = [*stages[:at], {"filter": rate}, *stages[at:]]
    file = write_recipe(tmp_path, body)
    rows = pl.read_parquet(tmp_path / "questions.parquet").with_columns(tests=pl.lit(TESTS))
    rows.write_parquet(tmp_path / "questions.parquet")
    outside = replace(tools(), models={"teacher": Foreign(tmp_path / "ledger")})

    def until_rated() -> Any:
        for node in plan(load_recipe(file)):
            made = execute(node, outside)
            if node.stage == "filter":
                return made
        raise AssertionError("no filter")

    if refused:
        with pytest.raises(BadInput, match="The programs are of someone@1, so no weaker sandbox was chosen"):
            until_rated()
    else:
        assert until_rated().version.record["sandboxes"][0].startswith("process: ")


def asked_of_students(folder: Path, base: str, verify: dict[str, str]) -> tuple[Node, Tools]:
    """The scores of a study, not made yet: a student of `base` is to be asked for a sum, and for a program."""
    body = study() | {"evaluation": {"max_tokens": 8, "verify": verify}}
    programs = {"path": "programs.parquet", "id": "programs", "key": "id", "question": "q", "tests": "t"}
    body["benchmarks"] = {"dev": [*body["benchmarks"]["dev"], programs]}
    file = write_study(folder, body)
    pl.DataFrame({"id": ["p"], "q": ["Add."], "t": [TESTS]}).write_parquet(folder / "programs.parquet")
    with_tools = tools()
    for node in plan_study(load_study(file)).nodes("everything"):
        if node.stage == "student":
            _put(node, pl.DataFrame([{"seed": 0, "student": "one", "base": base, "rows": 12}]), with_tools)
        elif node.stage == "scores":
            return node, with_tools
        else:
            execute(node, with_tools)
    raise AssertionError("no scores")


@pytest.mark.parametrize(
    ("base", "verify", "whose"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", {}, "of Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen/Qwen2.5-7B-Instruct", {"asked": "math"}, "of Qwen/Qwen2.5-7B-Instruct"),
        ("embedded_base@123456789012", {"programs": "code"}, "of embedded_base@123456789012"),
        # a question of mathematics has no tests, and these are not run
        ("Qwen/Qwen2.5-7B-Instruct", {"programs": "math"}, ""),
        ("embedded:student@123456789012", {}, ""),
    ],
)
def test_what_a_student_writes_is_foreign_unless_it_is_the_embedded_one(
    data_root: Path, tmp_path: Path, base: str, verify: dict[str, str], whose: str
) -> None:
    node, with_tools = asked_of_students(tmp_path, base, verify)
    assert foreign_writer(node, with_tools, _inputs(node, with_tools)) == whose
    if whose:
        with pytest.raises(BadInput, match=f"The programs are {whose}, so no weaker sandbox was chosen"):
            execute(node, with_tools)


@pytest.mark.parametrize("name", ["docker", "process"])
def test_the_name_is_checked_before_anything_runs(name: str, monkeypatch: pytest.MonkeyPatch, data_root: Path) -> None:
    monkeypatch.setenv("OT_SANDBOX", name)
    assert resources()["sandbox"].kind == name  # type: ignore[attr-defined]
    monkeypatch.setenv("OT_SANDBOX", name + "s")
    with pytest.raises(BadInput, match=f"OT_SANDBOX={name}s: unknown sandbox; there is: docker, process"):
        resources()
