"""The graph as Dagster sees it: the snapshot of all assets, a run with its events, metadata and checks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ot_assets.graph.keys import asset_key
from ot_assets.location import build
from ot_assets.recipes.library import recipes
from ot_assets.recipes.loading import load_recipe
from tests.recipes.small import KEPT, LEAK, RIGHT, TWICE, math, recipe, write_recipe

GOLDEN = Path(__file__).parents[1] / "golden" / "graph.json"


def snapshot(definitions: dg.Definitions) -> dict[str, Any]:
    """Every asset by its key: what a user of the UI and of the selection language can see."""
    graph = definitions.resolve_asset_graph()
    checks: dict[str, list[str]] = {}
    for key in graph.asset_check_keys:
        checks.setdefault(key.asset_key.to_user_string(), []).append(key.name)
    return {
        spec.key.to_user_string(): {
            "group": spec.group_name,
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "tags": {name: value for name, value in sorted(spec.tags.items()) if not name.startswith("dagster/")},
            "kinds": sorted(spec.kinds),
            "owners": list(spec.owners),
            "code_version": spec.code_version,
            "checks": sorted(checks.get(spec.key.to_user_string(), [])),
        }
        for spec in sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key)
    }


def test_the_graph_is_the_one_that_was_agreed(data_root):
    """OT_UPDATE_GOLDEN=1 writes the snapshot anew; read the difference before it is committed."""
    now = snapshot(build(recipes()))
    if os.environ.get("OT_UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert sorted(now) == sorted(golden)
    for name, asset in now.items():
        assert asset == golden[name], f"{name} changed; OT_UPDATE_GOLDEN=1 accepts it"


def test_every_asset_is_described_owned_and_checked(data_root):
    definitions = build(recipes())
    for spec in definitions.resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert len((spec.description or "").split()) > 5, name
        assert spec.owners, name
        assert "stage" in spec.tags, name
    for name, asset in snapshot(definitions).items():
        assert {"rows_present", "ids_unique", "contract", "counts_add_up"} <= set(asset["checks"]), name
        assert ("quota_met" in asset["checks"]) == name.endswith(("/dataset", "114k/unverified")), name


def test_every_resource_field_is_described(data_root):
    definitions = build(recipes())
    for name, resource in (definitions.resources or {}).items():
        assert type(resource).__doc__, name
        for field, info in type(resource).model_fields.items():
            assert info.description, f"{name}.{field}"


def run(file: Path, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    made = load_recipe(file)
    job = build([made]).resolve_job_def(made.name)
    return job.execute_in_process(instance=instance, raise_on_error=False)


@pytest.fixture
def instance(data_root: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    events = [event for event in result.all_events if event.is_step_materialization]
    return {event.asset_key.to_user_string(): event.materialization for event in events}


def test_a_run_tells_numbers_schema_preview_and_plot(tmp_path, instance):
    result = run(write_recipe(tmp_path), instance)
    assert result.success
    told = materialized(result)
    assert len(told) == 11
    metadata = {name: value.value for name, value in told["small/math/deduplicated"].metadata.items()}
    numbers = {"dagster/row_count": KEPT, "rows_in": KEPT + 1, "rows_out": KEPT, "rows_dropped": 1}
    assert {name: metadata[name] for name in numbers} == numbers
    assert metadata["keep_rate"] == pytest.approx(KEPT / (KEPT + 1), abs=1e-4)
    assert isinstance(metadata["seconds"], float)
    assert {column.name for column in metadata["dagster/column_schema"].columns} >= {"question_id", "question"}
    preview = told["small/math/deduplicated"].metadata["preview"]
    assert dict(preview.records[0].data)["question"].startswith("What is 0")
    assert "█" in metadata["histogram"]
    assert "duplicate" in metadata["dropped"]
    (removal,) = told["small/math/deduplicated"].metadata["removals_seen"].records
    assert {removal.data["question"], removal.data["twin"]} == {TWICE}
    verified = {name: value.value for name, value in told["small/math/verified"].metadata.items()}
    assert verified["verified_rate"] == pytest.approx(RIGHT / KEPT, abs=1e-4)
    assert f"right {'█' * 40} {RIGHT}" in verified["histogram"]


def test_equal_content_keeps_the_data_version(tmp_path, instance):
    file = write_recipe(tmp_path)
    first, second = materialized(run(file, instance)), materialized(run(file, instance))
    for name in first:
        versions = [event.tags["dagster/data_version"] for event in (first[name], second[name])]
        assert versions[0] == versions[1], name
        assert [event.metadata["reused"].value for event in (first[name], second[name])] == [False, True]


def evaluations(result: dg.ExecuteInProcessResult, name: str) -> dict[str, dg.AssetCheckEvaluation]:
    found = result.get_asset_check_evaluations()
    return {e.check_name: e for e in found if e.asset_key == dg.AssetKey(name.split("/"))}


def test_checks_are_seen_with_what_they_found(tmp_path, instance):
    found = evaluations(run(write_recipe(tmp_path), instance), "small/dataset")
    assert all(check.passed for check in found.values())
    assert set(found) == {
        *("rows_present", "ids_unique", "contract", "counts_add_up"),
        *("quota_met", "no_benchmark_overlap", "openthoughts3_rule", "tags_closed", "real_teacher"),
    }
    assert found["counts_add_up"].description == f"{KEPT} in = {KEPT} kept + 0 dropped"


def test_audits_come_with_the_rows_that_they_are_about(tmp_path, instance):
    found = evaluations(run(write_recipe(tmp_path), instance), "small/math/decontaminated")
    assert found["planted_found"].passed
    assert found["removals_seen"].severity == dg.AssetCheckSeverity.WARN
    (removal,) = found["removals_seen"].metadata["shown"].records
    assert (removal.data["question"], removal.data["against"]) == (LEAK, "bench")


def test_a_failed_check_fails_the_run_in_one_line_and_stops_what_is_downstream(tmp_path, instance):
    assert run(write_recipe(tmp_path), instance).success
    body = recipe() | {"dataset": {"rows": {"math": 99}}}
    result = run(write_recipe(tmp_path, body), instance)
    assert not result.success
    (failure,) = [e.step_failure_data.user_failure_data for e in result.all_events if e.is_step_failure]
    assert failure.description.startswith(f"small/dataset: quota_met failed: math {KEPT} of 99")
    assert "\n" not in failure.description
    assert failure.metadata["exit_code"].value == 1
    found = evaluations(result, "small/dataset")
    assert not found["quota_met"].passed
    assert found["quota_met"].severity == dg.AssetCheckSeverity.ERROR
    assert {"small/dataset", "small/metadata"}.isdisjoint(materialized(result))


def test_bad_input_found_by_a_run_is_told_apart(tmp_path, instance):
    file = write_recipe(tmp_path)
    recipe_ = load_recipe(file)
    job = build([recipe_]).resolve_job_def("small")
    (tmp_path / "questions.parquet").unlink()
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    (failure,) = [e.step_failure_data.user_failure_data for e in result.all_events if e.is_step_failure]
    assert failure.description.startswith("small.yaml: tracks.math[0].sources[0]: no file at ")
    assert failure.metadata["exit_code"].value == 2


def test_several_recipes_are_one_graph(tmp_path, instance):
    body = recipe() | {"name": "other"}
    math(body)[5] = {"select": "verified"}
    both = [load_recipe(write_recipe(tmp_path)), load_recipe(write_recipe(tmp_path, body, "other.yaml"))]
    graph = build(both).resolve_asset_graph()
    source = graph.get(asset_key(("sources", "made")))
    assert {key.to_user_string() for key in source.child_keys} == {"small/math/questions", "other/math/questions"}
