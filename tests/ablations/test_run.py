"""A small study from the command line to its scoreboard: real students, trained and asked; what a second run pays."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest
import yaml

from ot_resources.store import Store, Version
from ot_resources.warehouse import Warehouse
from tests.ablations.small import ASKED, KEPT_BACK, study, write_study
from tests.cli.running import ot

Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Run]:
    """(data root, study's file, its run) of a study with one variant that has too few rows."""
    folder = tmp_path_factory.mktemp("study")
    file = write_study(folder)
    return folder / "data", file, ot(folder / "data", "materialize", str(file))


def table(data: Path, *key: str) -> Version:
    version = Store(root=str(data)).latest(key)
    assert version is not None, key
    return version


def trained(data: Path) -> set[str]:
    return {folder.name for folder in (data / "students").iterdir() if not folder.name.startswith(".")}


def test_one_variant_that_fails_does_not_stop_the_others(ran):
    data, _, run = ran
    assert run.returncode == 1, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("ot: ")]
    assert line.startswith("ot: small_study/only_wrong/cell: cell_filled failed: 1 of 12 rows")
    store = Store(root=str(data))
    assert store.latest(("small_study", "only_wrong", "student")) is None
    # What all share was made once, under the recipe's own name.
    assert run.stderr.count("small/math/decontaminated:") == 1
    for name in ("everything", "at_random"):
        assert table(data, "small_study", name, "cell").rows == 12
        assert table(data, "small_study", name, "student").rows == 1
        assert table(data, "small_study", name, "scores").rows == 2 * ASKED + KEPT_BACK


def test_the_scoreboard_has_every_variant(ran):
    data, _, run = ran
    board = table(data, "small_study", "scoreboard").scan().collect()
    dev = {row["variant"]: row for row in board.filter(pl.col("benchmark") == "dev").iter_rows(named=True)}
    assert set(dev) == {"everything", "at_random", "only_wrong"}
    assert dev["only_wrong"]["verdict"] == "not enough rows"
    assert "1 of 12 rows" in dev["only_wrong"]["reason"]
    scored = {name for name in dev if dev[name]["score"] is not None}
    assert scored == {"everything", "at_random"}
    assert all(dev[name]["rows"] == 12 and dev[name]["questions"] == ASKED for name in scored)
    assert dev["everything"]["chosen"]
    assert not dev["at_random"]["chosen"]
    assert "not enough rows" in run.stdout
    held = board.filter(pl.col("benchmark") == "kept")
    assert held["held_out"].all()
    assert held["verdict"].null_count() == held.height


def test_sql_tells_what_a_score_hangs_on(ran):
    data, _, _ = ran
    with Warehouse(root=str(data)).connect() as tables:
        found = tables.sql(
            "select stage, strategy from lineage.choices where dataset = 'small_study/at_random/scores'"
            " order by position"
        ).fetchall()
        stages = [stage for stage, _ in found]
        wanted = "sources decontaminate filter dedup answers verify select format cell student scores"
        assert stages == wanted.split()
        assert ("filter", "random") in found
        board = tables.sql(
            "select track, strategy from lineage.choices where dataset = 'small_study/scoreboard' and stage = 'filter'"
        ).fetchall()
        assert sorted(board) == [("at_random", "random"), ("everything", "none")]
        read = tables.sql(
            "select input.asset from (select unnest(inputs) as input from lineage.runs"
            " where asset = 'small_study/at_random/scores')"
        ).fetchall()
        assert {asset for (asset,) in read} >= {"benchmarks/asked", "benchmarks/kept", "small_study/at_random/student"}
        rows = tables.sql('select count(*) from small_study."at_random_scores"').fetchall()
        assert rows == [(2 * ASKED + KEPT_BACK,)]


def test_a_plan_says_what_is_reused(ran):
    data, file, _ = ran
    told = json.loads(ot(data, "plan", str(file), "--json").stdout)
    variants = told["variants"]
    assert variants["everything"]["to_make"] == []
    assert variants["only_wrong"]["to_make"] == ["cell", "student", "scores"]


def test_what_it_chose_is_composed(ran):
    """The scoreboard of a run is the one that would be made now: also with a variant that has none."""
    data, file, _ = ran
    run = ot(data, "compose", str(file))
    assert run.returncode == 0, run.stderr
    (why,) = [item["because"] for item in yaml.safe_load(run.stdout)["tracks"]["math"] if "filter" in item]
    assert (why["study"], why["variant"]) == ("small_study", "everything")


def test_one_more_variant_is_all_that_a_second_run_pays(ran):
    """And a variant that was changed and not run again is not compared as it was."""
    data, file, _ = ran
    before, board = trained(data), table(data, "small_study", "scoreboard").version
    body = study()
    del body["variants"]["only_wrong"]
    body["variants"]["at_random"]["filter"]["seed"] = 5
    body["variants"]["again"] = {"filter": {"use": "random", "keep": 14, "seed": 4}, "select": "all"}
    file.write_text(yaml.safe_dump(body, sort_keys=False))
    run = ot(data, "materialize", str(file), "--variant", "everything", "--variant", "again")
    assert run.returncode == 0, run.stderr
    new = trained(data) - before
    assert len(new) == 1
    assert table(data, "small_study", "again", "student").scan().collect()["student"].to_list() == list(new)
    made = [line for line in run.stderr.splitlines() if " rows" in line and ", reused" not in line]
    assert all("small_study/again/" in line or "small_study/scoreboard" in line for line in made), made
    assert table(data, "small_study", "scoreboard").version != board
    dev = table(data, "small_study", "scoreboard").scan().filter(pl.col("benchmark") == "dev").collect()
    told = {row["variant"]: row for row in dev.iter_rows(named=True)}
    assert [told[name]["score"] is None for name in ("everything", "at_random", "again")] == [False, True, False]
    assert told["at_random"]["verdict"] == "not made"
    assert "made from another plan" in told["at_random"]["reason"]
