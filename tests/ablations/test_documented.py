"""What docs/ablations.md shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ot_assets.ablations.library import study_files
from ot_assets.ablations.loading import load_study
from ot_assets.recipes.loading import load_recipe
from ot_resources.warehouse import Warehouse
from tests.ablations.boards import scored, write_study
from tests.conftest import PROJECT
from tests.recipes.small import recipe, write_recipe

TEXT = (PROJECT / "docs" / "ablations.md").read_text()
STUDY = "practice_math_filter"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def board(tmp_path: Path, data_root: Path) -> Path:
    write_recipe(tmp_path)
    body = {"name": STUDY, "stage": "select", "variants": {"everything": "all", "right_ones": "verified"}}
    scored(write_study(tmp_path, body), {"everything": 0.2, "right_ones": 0.8})
    return data_root


def test_the_queries_find_the_board_and_all_that_it_hangs_on(board):
    with Warehouse(root=str(board)).connect() as connection:
        answers = [connection.sql(query).fetchall() for query in blocks("sql")]
    assert [row[:5:3] for row in answers[0]] == [("right_ones", "winner"), ("everything", "loses")]
    choices = {(variant, stage, strategy) for variant, stage, strategy, _ in answers[1]}
    assert ("right_ones", "select", "verified") in choices and ("everything", "select", "all") in choices
    assert {f"{STUDY}/scoreboard", f"{STUDY}/right_ones/scores"} <= {asset for asset, _ in answers[2]}


def test_the_study_that_is_shown_is_one(tmp_path, data_root):
    body = yaml.safe_load(next(block for block in blocks("yaml") if "variants:" in block))
    base = recipe() | {"name": "my_mix"}
    write_recipe(tmp_path, base, "my_mix.yaml")
    (tmp_path / "mine.parquet").write_bytes((tmp_path / "questions.parquet").read_bytes())
    body["benchmarks"]["dev"][2] |= {"question": "problem", "reference": "gold"}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(body, sort_keys=False))
    study = load_study(tmp_path / "study.yaml")
    assert list(study.variants) == ["random", "longest", "hardest"] and study.baseline == "random"


def test_the_reason_that_is_shown_can_be_given(tmp_path):
    shown = yaml.safe_load(next(block for block in blocks("yaml") if block.startswith("- filter")))
    body = recipe()
    body["tracks"]["math"].insert(2, shown[0] | {"filter": {"use": "random", "keep": 15}})
    choices = load_recipe(write_recipe(tmp_path, body)).tracks[0].choices
    assert [choice.because.study for choice in choices if choice.because] == ["openthoughts3_math_filter"]


def test_the_number_of_cells_is_as_told():
    files = [file for file in study_files() if file.stem.startswith("openth")]
    cells = sum(len(load_study(file, look=False).variants) for file in files)
    assert f"ablation is here, {cells} cells" in TEXT
