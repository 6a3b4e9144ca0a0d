"""The stage that trains students: rows in, one row a student out; and the presets by which they are trained."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace

import polars as pl
import pytest

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.plan import plan_study
from ot_assets.ablations.students import FIELDS, dataset, presets, training
from ot_assets.contracts import DROPPED, STUDENT
from ot_assets.graph.capabilities import identities
from ot_assets.recipes.library import recipes
from ot_assets.strategies import apply
from ot_assets.strategies.student.turns import messages
from ot_resources.generators.checkpoint import folder_hash
from ot_resources.generators.embedded import REVISION
from ot_resources.interfaces import BadInput, Message
from tests.ablations.small import study, write_study
from tests.graph.running import tools
from tests.students.base import TINY, models, rows


def conversations(roles: tuple[str, str] = ("human", "gpt"), n: int = 16) -> pl.DataFrame:
    turns = [[{"from": roles[i], "value": m.content} for i, m in enumerate(said)] for said in rows(n)()]
    return pl.DataFrame({"row_id": [str(i) for i in range(n)], "conversations": turns})


@pytest.mark.parametrize("roles", [("human", "gpt"), ("user", "assistant")])
def test_released_turns_are_messages_in_the_order_of_the_rows(roles):
    read = messages(conversations(roles).lazy())
    assert list(read()) == list(rows(16)()) == list(read())


def test_a_system_prompt_of_a_column_of_its_own_comes_first():
    (first, *_) = messages(conversations().with_columns(pl.lit("Think.").alias("system")).lazy())()
    assert [message.role for message in first] == ["system", "user", "assistant"]
    assert first[0] == Message("system", "Think.")


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([{"from": "tool", "value": "x"}], "a turn from 'tool'"),
        ([{"from": "user", "value": "x"}], "does not end with the assistant"),
        ([], "does not end with the assistant"),
    ],
)
def test_turns_that_teach_nothing_are_named(turns, said):
    schema = {"conversations": conversations().schema["conversations"]}
    with pytest.raises(BadInput, match=said):
        list(messages(pl.LazyFrame({"conversations": [turns]}, schema=schema))())


def test_the_stage_gives_a_row_a_student_and_drops_what_diverged(small, tmp_path):
    at = models(tmp_path, small)
    params = {name: value for name, value in asdict(TINY).items() if name != "epochs"} | {"epochs": 1}
    made = apply("student.sft", conversations(), students=at, seeds=[3], **params)
    kept = made.kept.collect()
    assert dict(kept.schema) == STUDENT and made.dropped.collect().is_empty()
    assert kept.select("seed", "rows", "steps").row(0) == (3, 16, 2)
    assert (at.folder / kept["student"][0] / "model.safetensors").exists()
    lost = apply("student.sft", conversations(), students=at, seeds=[3], **params | {"rate": 1e30, "warmup": 0})
    dropped = lost.dropped.collect()
    assert lost.kept.collect().is_empty() and dropped["drop_reason"].to_list() == ["diverged"]
    assert json.loads(dropped["drop_evidence"][0])["error"].startswith("diverged at step")
    assert set(dropped.columns) == {*STUDENT, *DROPPED}


def test_what_is_trained_elsewhere_has_no_loss_yet(tmp_path):
    at = models(tmp_path, "embedded")
    params = training("openthinker3_7b", "local", "here", elsewhere=True)
    made = apply("student.exported", conversations(), students=at, seeds=[0, 1], **params).kept.collect()
    assert made["base"].unique().to_list() == ["Qwen/Qwen2.5-7B-Instruct"]
    assert made.select("tokens", "loss", "train_seconds").null_count().row(0) == (2, 2, 2)
    assert all((at.folder / student / "train.yaml").exists() for student in made["student"])


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch": 0}, {"rate": -1}, {"seeds": []}, {"warmup": 2}, {"context": 15}]
)
def test_numbers_that_cannot_be_are_refused(wrong, tmp_path):
    given = {"seeds": [0]} | wrong
    with pytest.raises(BadInput, match=next(iter(wrong))):
        apply("student.sft", conversations(), students=models(tmp_path, "embedded"), **given)


def test_published_numbers_of_each_preset_off_local():
    read = {name: training(name, "gpu", "here") for name in presets() if name != "embedded"}
    assert {name: (p["batch"], p["rate"], p["epochs"], p["packing"]) for name, p in read.items()} == {
        "micro": (32, 1e-5, 13, False),
        "small": (96, 2e-5, 7, False),
        "small_1k": (96, 2e-5, 11, False),
        "medium": (128, 4e-5, 5, False),
        "large": (512, 8e-5, 5, True),
        "openthinker_7b": (96, 1e-5, 3, False),
        "openthinker_32b": (96, 1e-5, 3, False),
        "openthinker2_7b": (512, 8e-5, 5, True),
        "openthinker2_32b": (512, 8e-5, 5, True),
        "openthinker3_7b": (512, 8e-5, 5, True),
    }
    assert all(p["context"] == 16_384 and p["warmup"] == 0.1 and p["weight_decay"] == 0 for p in read.values())
    assert all(p["base"].startswith("Qwen/Qwen2.5-") for p in read.values())


def test_the_datasets_of_released_models_are_recipes():
    named = {dataset(name) for name in presets()} - {None}
    assert (
        named
        == {"openthoughts_114k", "openthoughts2_1m", "openthoughts3_1_2m"}
        <= {recipe.name for recipe in recipes()}
    )


def test_on_local_the_embedded_student_stands_for_any_preset():
    small, large = training("small", "local", "here"), training("large", "local", "here")
    assert small | {"preset": "large"} == large and small["preset"] == "small"
    assert small["base"] == "" and small["context"] == 512 and not large["packing"]


def test_what_a_study_sets_itself_stays():
    assert training({"preset": "small", "epochs": 1}, "local", "here")["epochs"] == 1
    own = training({"preset": "small", "base": "Qwen/Qwen3-4B", "revision": "a1b2"}, "local", "here")
    assert (own["base"], own["revision"], own["rate"], own["batch"]) == ("Qwen/Qwen3-4B", "a1b2", 2e-5, 96)
    # of a base that the embedded student stands for
    assert training({"preset": "small", "revision": "a1b2"}, "local", "here")["revision"] == ""
    assert training({"epochs": 2}, "gpu", "here") == training("medium", "gpu", "here") | {"epochs": 2}


@pytest.mark.parametrize("base", ["./base", "base", "../studies/base", ""])
def test_a_base_is_beside_the_file_of_the_study(base, small, tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "base").symlink_to(small)
    read = training({"base": base or str(small)}, "gpu", "here", folder=folder)
    assert read["base"] == str(small)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"base": "./base"}, "here: base: no model in "),
        ({"base": "/nowhere/base"}, "here: base: no model in /nowhere/base: expected a folder with config.json"),
        ({"base": "empty"}, "here: base: no model in "),
        ({"base": "path/to/base"}, "here: base: 'path/to/base' is no folder beside the study, and no name on the Hub"),
        ({"base": 7}, "here: base: a folder, or a name on the Hub"),
        ({"base": "small", "revision": "a1b2"}, "here: revision: the commit of a base on the Hub"),
    ],
)
def test_a_base_that_is_not_there_is_refused_before_anything_is_paid(spec, said, small, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "small").symlink_to(small)
    with pytest.raises(BadInput) as raised:
        training(spec, "local", "here", folder=tmp_path)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_base_that_nobody_looks_at_need_not_be_there(tmp_path):
    read = training({"base": "./base"}, "local", "here", folder=tmp_path, look=False)
    assert read["base"] == str(tmp_path / "base")


@pytest.mark.parametrize("spec", [{"base": ""}, {"base": "embedded"}])
def test_what_is_trained_elsewhere_needs_a_base(spec, monkeypatch):
    with pytest.raises(BadInput, match="^here: say which base is trained"):
        training(spec, "local", "here", elsewhere=True)


def test_a_student_of_ones_own_is_trained_as_published(monkeypatch):
    monkeypatch.setenv("OT_STUDENT", "path/to/base")
    assert training("small", "local", "here") == training("small", "gpu", "here")
    assert training("small", "gpu", "here")["base"] == ""
    assert training("small", "gpu", "here")["rate"] == 2e-5


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("medum", "study.yaml: student: a student has no preset 'medum'; did you mean 'medium'?"),
        (
            {"preset": "small", "epoch": 1},
            "study.yaml: student: a student has no field 'epoch'; did you mean 'epochs'?",
        ),
        (3, "study.yaml: student: a preset, e.g. medium"),
        ({"preset": ["medium"]}, "study.yaml: student: a student has no preset '['medium']'; did you mean 'medium'?"),
        ("embedded", "study.yaml: student: a student has no preset 'embedded'; there is: micro, "),
        ({"batch": True}, "study.yaml: student: batch: true is no number"),
        ({"lora": False}, "study.yaml: student: lora: false is no number"),
    ],
)
def test_a_typing_error_is_one_line(spec, said):
    with pytest.raises(BadInput) as raised:
        training(spec, "local", "study.yaml: student")
    assert said in str(raised.value)


def test_every_field_of_a_training_is_a_parameter_of_the_stages():
    from ot_assets.strategies.registry import find

    for name in ("sft", "exported"):
        assert {*FIELDS, "preset", "seeds"} == set(find("student", name).values)


def test_a_base_that_is_named_is_that_of_the_student(small, tmp_path):
    at = models(tmp_path, "embedded")
    one = at.keys(rows(8), replace(TINY, base=str(small)), [0])
    assert one != at.keys(rows(8), TINY, [0])
    # what an empty base stands for does not matter then
    assert one == models(tmp_path, "").keys(rows(8), replace(TINY, base=str(small)), [0])


def test_a_study_with_other_weights_in_its_base_has_another_student(data_root, small, tmp_path, monkeypatch):
    base = tmp_path / "studies" / "base"
    base.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(small / name, base)
    file = write_study(base.parent, study() | {"student": {"preset": "micro", "base": "./base", "context": 128}})
    monkeypatch.chdir(tmp_path)
    nodes = {node.stage: node for node in plan_study(load_study(file)).nodes("everything")}

    def told(stage: str) -> str:
        return identities(nodes[stage], tools())["students"]

    before = told("student")
    assert nodes["student"].params["base"] == str(base) and f"; base@{folder_hash(base)[:12]}" in before
    asked = told("scores")
    (base / "model.safetensors").write_bytes(b"other")
    assert told("student") != before and told("scores") == asked == f"embedded engine, revision {REVISION}"
    shutil.rmtree(base)
    with pytest.raises(BadInput, match=r"small_study\.yaml: student: base: no model in "):
        load_study(file)


def test_scores_hang_on_the_packages_that_verify():
    from ot_assets.strategies.registry import find

    assert find("scores", "evaluate").packages == find("verify", "math").packages
