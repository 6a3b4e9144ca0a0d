"""What a run leaves in the lineage: read back through SQL, as an analyst does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ot_assets.lineage.record import git_commit, packages
from ot_assets.recipes.against import openthoughts3_sets
from ot_resources.warehouse import Warehouse
from tests.graph.running import make
from tests.recipes.small import KEPT, LEAK, TWICE, math, recipe, write_recipe


@pytest.fixture
def made(tmp_path: Path, data_root: Path) -> dict[str, Any]:
    """The small recipe twice: as it is, then with another selection."""
    first = make(write_recipe(tmp_path), run_id="one")
    body = recipe()
    math(body)[5] = {"select": "verified"}
    second = make(write_recipe(tmp_path, body), run_id="two")
    return {"root": str(data_root), "first": first, "second": second}


def ask(made: dict[str, Any], query: str) -> list[tuple[Any, ...]]:
    with Warehouse(root=made["root"]).connect() as connection:
        return connection.sql(query).fetchall()


def test_which_choices_made_this_dataset(made):
    query = "select track, stage, strategy from lineage.choices where dataset = 'small/dataset' and is_current"
    assert sorted(ask(made, query)) == [
        ("math", "answers", "imported"),
        ("math", "decontaminate", "indel"),
        ("math", "dedup", "exact"),
        ("math", "format", "think"),
        ("math", "select", "verified"),
        ("math", "sources", "files"),
        ("math", "verify", "math"),
    ]


def test_what_differs_between_two_datasets(made):
    first, second = (made[run]["small/dataset"].version.version for run in ("first", "second"))
    query = """select stage, strategy from lineage.choices where dataset_version = '{}'
               except select stage, strategy from lineage.choices where dataset_version = '{}'"""
    assert ask(made, query.format(first, second)) == [("select", "all")]
    assert ask(made, query.format(second, first)) == [("select", "verified")]


def test_which_datasets_did_this_source_feed(made):
    query = """with recursive fed as (
                   select asset, version from lineage.inputs where input_asset = 'sources/made'
                   union select i.asset, i.version from lineage.inputs i
                   join fed on (i.input_asset, i.input_version) = (fed.asset, fed.version))
               select distinct version from fed where asset = 'small/dataset'"""
    versions = {made[run]["small/dataset"].version.version for run in ("first", "second")}
    assert {row[0] for row in ask(made, query)} == versions


def test_which_rows_did_a_stage_drop_and_for_which_twin(made):
    query = """select q.question, d.drop_reason, d.drop_evidence->>'twin' from lineage.drops d
               join sources.made q using (question_id) where asset like 'small/%' order by drop_reason limit 2"""
    (leak, reason, twin), (again, why, other) = ask(made, query)
    assert (leak, reason, again, why) == (LEAK, "contaminated", TWICE, "duplicate")
    assert ask(made, f"select question from benchmarks.bench where question_id = '{twin}'") == [(LEAK,)]
    assert ask(made, f"select question from sources.made where question_id = '{other}'") == [(TWICE,)]


def test_every_materialisation_is_a_row_with_its_counts(made):
    query = 'select run_id, reused, rows_in, rows_out, rows_dropped, seconds, "at" from lineage.materializations'
    rows = ask(made, f"{query} where asset = 'small/math/deduplicated' order by run_id")
    assert [row[:5] for row in rows] == [("one", False, KEPT + 1, KEPT, 1), ("two", True, KEPT + 1, KEPT, 1)]
    assert all(row[5] >= 0 and row[6] is not None for row in rows)
    assert ask(made, "select count(*) from lineage.materializations") == [
        (22 + len(openthoughts3_sets()),)
    ]  # which are read once


def test_the_surroundings_are_recorded():
    assert {"dagster", "duckdb", "polars"} <= set(packages())
    assert git_commit() is None or len(git_commit()) >= 7
