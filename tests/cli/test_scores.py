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
from tests.ablations.boards import write_study
from tests.recipes.small import write_recipe
from tests.resources.writing import write
from tests.strategies.scoreboard.test_compare import scores
from tests.strategies.scores.test_elsewhere import EVALCHEMY

MINE, OTHER = "0123456789abcdef", "fedcba9876543210"


def put(root: Path, asset: tuple[str, ...], frame: pl.DataFrame) -> None:
    store = Store(root=str(root))
    store.point(asset, write(store, frame, kind=asset[-1], of=list(asset)))


@pytest.fixture
def study(data_root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study whose students are trained elsewhere, one variant with two seeds that are there, and one trained here."""
    folder = tmp_path_factory.mktemp("studies")
    write_recipe(folder)
    body: dict[str, Any] = {
        "stage": "filter",
        "variants": {"plain": {"use": "none", "reason": "all"}, "other": {"use": "random", "keep": 14, "seed": 3}},
        "benchmarks": {"dev": ["aime24", "math500"]},
    }
    away = {"preset": "medium", "base": "Qwen/Qwen2.5-7B-Instruct", "train": "elsewhere"}
    for name, student in (("mine", away), ("here", {"preset": "micro"})):
        write_study(folder, body | {"name": name, "description": name, "source": "own", "student": student})
    monkeypatch.setenv("OT_STUDIES", str(folder))
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


def test_scores_that_nobody_would_read_are_refused(study, tmp_path):
    with pytest.raises(BadInput, match="here/plain is trained here and measured here; .*`train: elsewhere`"):
        hand_in("here", "plain", results(tmp_path, MINE), 0, trust=True)
    with pytest.raises(BadInput, match="mine has no variant 'best'; it has: plain, other"):
        hand_in("mine", "best", results(tmp_path, MINE), 0, trust=True)
    here = pl.DataFrame([dict.fromkeys(STUDENT) | {"seed": 0, "student": MINE, "tokens": 7}], schema=STUDENT)
    put(study, ("mine", "other", "student"), here)
    with pytest.raises(BadInput, match="the students of mine/other were trained here: run 'ot materialize mine' again"):
        hand_in("mine", "other", results(tmp_path, MINE), 0, trust=True)
    assert not list((study / "students").rglob("*.json"))


def test_benchmarks_that_the_study_does_not_ask_are_told(study, tmp_path):
    score = {"accuracy": 0.1, "num_total": 30}
    with pytest.raises(BadInput, match=r"mine has none of its benchmarks \(aime25\); it has: aime24, math500"):
        hand_in("mine", "plain", results(tmp_path, MINE, AIME25=score), 0, trust=False)
    told = hand_in("mine", "plain", results(tmp_path, MINE, AIME25=score, AIME24=score), 0, trust=False)
    assert ": aime24 of student" in told and told.endswith("and ignored: aime25")


@pytest.mark.parametrize(
    ("raw", "said"), [(b'{"scores": \xff}', "not text in UTF-8 .byte 12"), (b"[" * 100_000, "not JSON")]
)
def test_a_file_that_is_no_text_is_told(study, tmp_path, raw, said):
    (tmp_path / "raw.json").write_bytes(raw)
    with pytest.raises(BadInput, match=rf"raw\.json: {said}"):
        hand_in("mine", "plain", str(tmp_path / "raw.json"), 0, trust=True)


def test_a_report_that_cannot_be_written_is_told(data_root, tmp_path):
    board = apply("scoreboard.compare", scores("x", "a", 0.4), variants=["x"], baseline="x").kept.collect()
    put(data_root, ("mine", "scoreboard"), board)
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "gone" / "x.md", tmp_path, tmp_path / "file" / "x.md", Path("/")):
        with pytest.raises(BadInput, match=f"--report {place}: "):
            scoreboard("mine", as_json=False, report_to=str(place))
    assert not list(tmp_path.glob("*.svg"))


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
