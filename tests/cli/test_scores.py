"""`ot scores` and `ot scoreboard`, on tables as a study leaves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ot_assets.cli.board import scoreboard
from ot_assets.cli.scores import hand_in
from ot_assets.contracts import STUDENT
from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput
from ot_resources.store import Store
from tests.resources.writing import write
from tests.strategies.scoreboard.test_compare import scores
from tests.strategies.scores.test_elsewhere import EVALCHEMY

MINE, OTHER = "0123456789abcdef", "fedcba9876543210"


def put(root: Path, asset: tuple[str, ...], frame: pl.DataFrame) -> None:
    store = Store(root=str(root))
    store.point(asset, write(store, frame, kind=asset[-1], of=list(asset)))


@pytest.fixture
def study(data_root: Path) -> Path:
    """A study with a variant of two seeds, and another student that was trained here."""
    rows = [dict.fromkeys(STUDENT) | {"seed": seed, "student": key} for seed, key in ((0, MINE), (1, OTHER))]
    put(data_root, ("mine", "plain", "student"), pl.DataFrame(rows, schema=STUDENT))
    for key in (MINE, OTHER):
        (data_root / "students" / key).mkdir(parents=True)
    return data_root


def results(folder: Path, model: str, name: str = "results.json", **tasks: Any) -> str:
    told = EVALCHEMY | {"config": {"model_args": f"pretrained=/models/{model}"}}
    (folder / name).write_text(json.dumps(told | {"results": tasks or EVALCHEMY["results"]}))
    return str(folder / name)


def test_a_file_is_kept_beside_its_student_once(study, tmp_path):
    file = results(tmp_path, f"out/{MINE}")
    told = hand_in("mine", "plain", file, 0, trust=False)
    assert f"aime24, math500 of student {MINE} (mine/plain, seed 0)" in told
    (kept,) = (study / "students" / MINE / "scores").iterdir()
    assert kept.read_bytes() == Path(file).read_bytes()
    assert "was handed in before" in hand_in("mine", "plain", file, 0, trust=False)
    again = results(tmp_path, MINE, "again.json", AIME24={"accuracy": 0.1, "num_total": 30})
    with pytest.raises(BadInput, match=r"again\.json: aime24 of this student is in .* already"):
        hand_in("mine", "plain", again, 0, trust=True)


@pytest.mark.parametrize(
    ("model", "seed", "said"),
    [
        (OTHER, 0, f"is of student {OTHER}, not of {MINE}"),
        ("Qwen/Qwen2.5-7B", 0, "calls its model '/models/Qwen/Qwen2.5-7B', which is not student .*add --trust"),
        (MINE, None, "has the seeds 0, 1: say which with --seed"),
        (MINE, 7, "has no seed 7; it has: 0, 1"),
    ],
)
def test_a_file_of_another_student_is_refused(study, tmp_path, model, seed, said):
    with pytest.raises(BadInput, match=said):
        hand_in("mine", "plain", results(tmp_path, model), seed, trust=False)
    assert not list(study.rglob("*.json")) or not (study / "students" / MINE / "scores").exists()


def test_another_name_is_taken_if_a_person_says_so(study, tmp_path):
    assert MINE in hand_in("mine", "plain", results(tmp_path, "my-best"), 0, trust=True)


def test_a_study_that_has_no_students_is_named(study, tmp_path):
    with pytest.raises(BadInput, match="no students of mine/other: run 'ot materialize mine' first"):
        hand_in("mine", "other", results(tmp_path, MINE), 0, trust=False)


def test_the_scoreboard_is_shown_as_text_as_json_and_as_a_report(data_root, tmp_path):
    both = pl.concat([scores("plain", "a", 0.4), scores("bad", "a", 0.1)])
    board = apply("scoreboard.compare", both, variants=["plain", "bad"], baseline="plain").kept.collect()
    put(data_root, ("mine", "scoreboard"), board)
    assert "winner · chosen" in scoreboard("mine", as_json=False, report_to=None)
    rows = json.loads(scoreboard("mine", as_json=True, report_to=None))
    assert [row["verdict"] for row in rows if row["benchmark"] == "dev"] == ["winner", "loses"]
    file = tmp_path / "report.md"
    scoreboard("mine", as_json=False, report_to=str(file))
    assert "](report-scores.svg)" in file.read_text() and (tmp_path / "report-scores.svg").exists()
    with pytest.raises(
        BadInput, match="no scoreboard of 'other': run `ot materialize other`; there are those of: mine"
    ):
        scoreboard("other", as_json=False, report_to=None)
