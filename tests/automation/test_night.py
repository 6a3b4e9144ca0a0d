"""What the night does, and what it leaves alone."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from ot_assets.automation.night import Night
from ot_assets.graph.assets import PROCESS
from ot_assets.graph.keys import asset_key
from ot_assets.strategies import registry
from ot_resources.interfaces import BadInput
from ot_resources.processes import this_process
from ot_resources.store import Store, run_lines
from tests.automation.nights import Nights, new_question, write_named
from tests.recipes.small import KEPT, math

STAGES = ("questions", "decontaminated", "deduplicated", "answers", "verified", "selected", "formatted")


def tables(recipe: str, *, after: str = "questions") -> set[str]:
    """A recipe's own tables from a stage on."""
    return {f"{recipe}/math/{stage}" for stage in STAGES[STAGES.index(after) :]} | {
        f"{recipe}/dataset",
        f"{recipe}/metadata",
    }


def questions(file: Path) -> Path:
    return file.parent / "questions.parquet"


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data.description


def materializations(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    return {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.materialization.metadata.items()}
        for event in result.all_events
        if event.is_step_materialization
    }


@pytest.fixture
def instance(data_root: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="module")
def two_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(where, kept copy): recipes, data and Dagster's home. `one` and `two` were made there, `three` never was."""
    folder = tmp_path_factory.mktemp("two") / "here"
    (folder / "home").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.local_temp(str(folder / "home")) as instance:
        patch.setenv("OT_DATA", str(folder / "data"))
        nights = Nights(instance, [write_named(folder, name) for name in ("one", "two", "three")])
        assert nights.make("one").success
        assert nights.make("two").success
    return folder, folder.rename(folder.with_name("kept"))


@pytest.fixture
def two(two_made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    """The above as it was, at its place, to be changed."""
    folder, kept = two_made
    shutil.copytree(kept, folder, symlinks=True)
    monkeypatch.setenv("OT_DATA", str(folder / "data"))
    with dg.DagsterInstance.local_temp(str(folder / "home")) as instance:
        yield Nights(instance, [folder / name / "small.yaml" for name in ("one", "two", "three")])
    shutil.rmtree(folder)


def test_a_night_without_a_change_asks_for_nothing(two):
    assert two.night() == set()


def test_a_refresh_is_asked_for_once_and_only_at_its_hour(two):
    new_question(questions(two.files[0]))
    two.observe()
    assert two.asked(timedelta(0)) == set()
    assert two.asked(timedelta(hours=7, minutes=59)) == set()
    assert two.asked(timedelta(seconds=80)) == {"sources/one_made"} | tables("one")
    assert two.asked(timedelta(seconds=30)) == set()


def test_a_row_added_to_a_source_refreshes_what_hangs_on_it(two):
    new_question(questions(two.files[0]))
    asked = two.night()
    assert asked == {"sources/one_made"} | tables("one")
    result = two.run(asked)
    assert result.success
    told = materializations(result)
    assert told["one/dataset"]["rows_out"] == KEPT + 1
    assert told["sources/one_made"]["because"].startswith("the source changed: ")
    assert told["one/math/questions"]["because"] == "sources/one_made changed"
    lines = [line["asset"] for line in run_lines(two_root(two)) if line["run_id"] == result.run_id]
    assert set(lines) == asked
    assert two.night() == set()


def test_one_more_question_is_one_questions_requests(tmp_path, instance, teacher):
    def ask(body: dict[str, Any]) -> None:
        math(body)[3] = {"answers": {"use": "teacher", "samples": 3, "max_tokens": 16}}

    nights = Nights(instance, [write_named(tmp_path, "asking", ask)])
    first = materializations(nights.make("asking"))["asking/math/answers"]
    assert first["requests_answered"] == 3 * KEPT
    new_question(questions(nights.files[0]))
    second = materializations(nights.run(nights.night()))["asking/math/answers"]
    assert (second["requests_answered"], second["requests_reused"]) == (3, 3 * KEPT)


def test_a_strategys_new_version_refreshes_its_descendants(two, monkeypatch):
    exact = registry.find("dedup", "exact", "")
    monkeypatch.setitem(registry._REGISTRY, ("dedup", "exact"), replace(exact, version=exact.version + 1))
    asked = two.night()
    assert asked == tables("one", after="deduplicated") | tables("two", after="deduplicated")
    result = two.run(asked)
    assert result.success
    because = materializations(result)["one/math/deduplicated"]["because"]
    assert because == f"strategy changed: exact@{exact.version} -> exact@{exact.version + 1}"
    assert two.night() == set()


def test_a_changed_choice_and_a_new_stage_are_refreshed(two):
    def change(body: dict[str, Any]) -> None:
        math(body).insert(3, {"filter": {"use": "none", "reason": "to be seen"}})

    write_named(two.folder, "one", change)
    asked = two.night()
    assert asked == {"one/math/filtered"} | tables("one", after="answers")
    assert two.run(asked).success
    assert two.night() == set()


def test_a_reworded_reason_makes_a_run_that_reuses_everything_and_no_second_one(two):
    def reason(text: str) -> Any:
        return lambda body: math(body).__setitem__(2, {"dedup": {"use": "none", "reason": text}})

    write_named(two.folder, "one", reason("practice"))
    assert two.run(two.night()).success
    write_named(two.folder, "one", reason("practice run"))
    result = two.run(two.night())
    assert all(told["reused"] for told in materializations(result).values())
    assert two.night() == set()


def test_a_recipe_that_nobody_made_is_left_alone(two):
    new_question(questions(two.files[2]))
    assert two.night() == set()
    assert two.make("three").success
    new_question(questions(two.files[2]), 2)
    assert two.night() == {"sources/three_made"} | tables("three")


def test_a_failed_night_is_made_up_by_the_next(two, monkeypatch):
    new_question(questions(two.files[0]))
    asked = two.night()
    broken = registry.find("verify", "math", "")

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the night watch fell asleep")

    with monkeypatch.context() as patch:
        patch.setitem(registry._REGISTRY, ("verify", "math"), replace(broken, function=fail))
        assert not two.run(asked).success
    again = two.night()
    assert again == tables("one", after="verified")
    assert two.run(again).success
    assert Store(root=str(two_root(two))).latest(("one", "dataset")).rows == KEPT + 1


def two_root(nights: Nights) -> Path:
    return Path(nights.definitions.resources["store"].root)


def test_a_night_that_never_came_is_made_up_when_the_daemon_is_back(two):
    """It went off in the evening and comes back days later, at noon."""
    new_question(questions(two.files[0]))
    two.observe()
    two.asked(timedelta(0))
    assert two.asked(timedelta(days=3, hours=18)) == {"sources/one_made"} | tables("one")


def test_a_partial_run_at_another_scale_is_brought_back_to_the_datasets_size(tmp_path, instance):
    def sampled(body: dict[str, Any]) -> None:
        math(body).insert(3, {"sample": {"use": "uniform", "n": 100, "seed": 1}})

    nights = Nights(instance, [write_named(tmp_path, "sized", sampled)])
    assert nights.make("sized", scale=0.05).success
    part = [f"sized/math/{stage}" for stage in ("questions", "decontaminated", "deduplicated", "sampled")]
    assert nights.make("sized", scale=1, only=part).success
    refreshed = materializations(nights.run(nights.night()))
    assert refreshed["sized/dataset"]["rows_out"] == 5
    assert nights.night() == set()


def test_what_a_run_really_read_is_compared_where_two_runs_went_at_once(two):
    """Dagster's tag says the newest version there was; the run had made its own before."""
    store, source = Store(root=str(two_root(two))), ("sources", "one_made")
    old = store.latest(source)
    new_question(questions(two.files[0]))
    assert two.make("one", only=["sources/one_made"]).success
    new = store.latest(source)

    class Behind(Store):
        def made(self, run_id: str, asset: tuple[str, ...]) -> Any:
            return old if asset == source else super().made(run_id, asset)

    rest = sorted(tables("one"))
    assert two.make("one", only=rest, store=Behind(root=str(two_root(two)))).success
    assert old.version != new.version
    assert tables("one") <= two.night()


def test_a_source_of_the_same_name_elsewhere_does_not_stand_in(two, tmp_path):
    """A recipe that this location does not know made the table last."""
    other = write_named(tmp_path / "elsewhere", "one", lambda body: body.update(name="stranger"))
    new_question(questions(other))
    assert Nights(two.instance, [other]).make("stranger").success
    asked = two.night()
    assert asked == {"sources/one_made", "benchmarks/bench"} | tables("one") | tables("two", after="decontaminated")
    assert two.run(asked).success
    assert Store(root=str(two_root(two))).latest(("one", "dataset")).rows == KEPT


def test_a_run_whose_process_is_gone_is_ended_by_the_look(two):
    dead = subprocess.Popen(["true"])
    dead.wait()
    process = f"{platform.node()}:{dead.pid}:1"
    run = two.instance.create_run_for_job(
        two.definitions.resolve_job_def("one"), status=dg.DagsterRunStatus.STARTED, tags={PROCESS: process}
    )
    alive = two.instance.create_run_for_job(
        two.definitions.resolve_job_def("two"), status=dg.DagsterRunStatus.STARTED, tags={PROCESS: this_process()}
    )
    two.observe()
    assert two.instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert two.instance.get_run_by_id(alive.run_id).status == dg.DagsterRunStatus.STARTED


def test_a_source_that_was_never_read_and_is_not_there_warns_only(two):
    questions(two.files[2]).unlink()
    observed = two.observe()
    assert observed.success
    (check,) = [check for check in observed.get_asset_check_evaluations() if not check.passed]
    assert check.asset_key == asset_key(("sources", "three_made"))
    assert check.severity == dg.AssetCheckSeverity.WARN


def test_what_a_person_refreshed_in_the_meantime_is_not_refreshed_again(two):
    two.asked(timedelta(0))
    new_question(questions(two.files[0]))
    two.observe()
    assert two.make("one").success
    assert two.asked(timedelta(hours=8, seconds=20)) == set()


def test_a_vanished_source_keeps_its_last_good_version_and_alarms(two):
    file = questions(two.files[0])
    aside = file.rename(file.with_suffix(".away"))
    observed = two.observe()
    assert not observed.success
    told = failure(observed)
    assert told.startswith("small.yaml: tracks.math[0].sources[0]: no file at ")
    assert told.endswith("; the last good version of sources/one_made stays in use")
    checks = {e.asset_key.to_user_string(): e for e in observed.get_asset_check_evaluations()}
    assert {name for name, check in checks.items() if not check.passed} == {"sources/one_made"}
    assert checks["sources/one_made"].severity == dg.AssetCheckSeverity.ERROR
    assert two.night(observe=False) == set()
    assert Store(root=str(two_root(two))).latest(("one", "dataset")).rows == KEPT
    aside.rename(file)
    assert two.observe().success
    assert two.night() == set()


def test_the_others_are_refreshed_while_one_source_is_gone(two):
    questions(two.files[0]).unlink()
    new_question(questions(two.files[1]))
    assert two.night() == {"sources/two_made"} | tables("two")


def test_a_folder_that_gained_a_file_has_changed(tmp_path, instance):
    def folder(body: dict[str, Any]) -> None:
        math(body)[0]["sources"][0]["path"] = "."

    file = write_named(tmp_path, "many", folder)
    nights = Nights(instance, [file])
    assert nights.make("many").success
    new_question(questions(file))
    both = pl.read_parquet(questions(file))
    both.head(-1).write_parquet(questions(file))
    both.tail(1).write_parquet(file.parent / "more.parquet")
    result = nights.run(nights.night())
    assert materializations(result)["many/dataset"]["rows_out"] == KEPT + 1


def test_a_refresh_keeps_the_size_that_the_dataset_has(tmp_path, instance):
    def sampled(body: dict[str, Any]) -> None:
        math(body).insert(3, {"sample": {"use": "uniform", "n": 100, "seed": 1}})

    nights = Nights(instance, [write_named(tmp_path, "sized", sampled)])
    made = materializations(nights.make("sized", scale=0.05))
    assert made["sized/dataset"]["rows_out"] == 5
    new_question(questions(nights.files[0]))
    refreshed = materializations(nights.run(nights.night()))
    assert refreshed["sized/dataset"]["rows_out"] == 5


def test_the_night_is_on_and_its_times_are_shown(two):
    repository = two.definitions.get_repository_def()
    schedule = repository.get_schedule_def("observe_sources")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 1 * * *", "UTC")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    sensor = repository.get_sensor_def("nightly_refresh")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert "0 2 * * *" in sensor.description


def test_its_times_are_set_in_one_place(monkeypatch):
    monkeypatch.setenv("OT_OBSERVE_AT", "*/2 * * * *")
    monkeypatch.setenv("OT_REFRESH_AT", "1-59/2 * * * *")
    monkeypatch.setenv("OT_TIMEZONE", "Europe/Berlin")
    night = Night.from_environment()
    assert (night.observe, night.refresh, night.timezone) == ("*/2 * * * *", "1-59/2 * * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OT_OBSERVE_AT", "half past one", "not a cron expression"),
        ("OT_REFRESH_AT", "61 2 * * *", "not a cron expression"),
        ("OT_REFRESH_AT", "* * * * * *", "not a cron expression"),
        ("OT_TIMEZONE", "Berlin", "no such time zone"),
    ],
)
def test_a_wrong_time_is_one_line(monkeypatch, variable, value, said):
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInput, match=f"^{variable}=.*: {said}") as error:
        Night.from_environment()
    assert "\n" not in str(error.value)


def test_datasets_have_a_freshness_policy_and_nothing_else_has(two):
    specs = two.definitions.resolve_all_asset_specs()
    assert {spec.key.to_user_string() for spec in specs if spec.freshness_policy} == {
        "one/dataset",
        "two/dataset",
        "three/dataset",
    }


def test_stages_that_load_a_model_share_a_pool(tmp_path, instance):
    def ask(body: dict[str, Any]) -> None:
        math(body)[3] = {"answers": {"use": "teacher", "samples": 3}}

    graph = Nights(instance, [write_named(tmp_path, "asking", ask)]).definitions.resolve_asset_graph()
    pools = {key.to_user_string(): graph.get(key).pools for key in graph.materializable_asset_keys}
    assert {name for name, pool in pools.items() if pool} == {"asking/math/answers"}
    assert pools["asking/math/answers"] == {"gpu"}
    assert graph.get(asset_key(("asking", "math", "answers"))).pools == {"gpu"}
