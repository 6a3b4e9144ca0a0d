"""Another verifier judges the stored answers anew, and `ot diff-verdicts` says what came of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.cli.running import ot

ROWS = pl.DataFrame(
    {
        "id": ["a", "b", "c"],
        "question": ["What is one and one?", "And two and two, then?", "Three and three?"],
        "reference": ["2", "4", "6"],
        "response": [r"so \boxed{2}", "It is 4", "It is 7"],
    }
)


def recipe(folder: Path, **verify: object) -> str:
    source = {"use": "files", "path": "rows.parquet", "key": "id", "question": "question", "reference": "reference"}
    none = {"use": "none", "reason": "a test"}
    stages = [
        {"sources": [source | {"imported": {"answer": "response"}}]},
        {"decontaminate": none},
        {"dedup": none},
        {"answers": {"use": "imported"}},
        {"verify": {"use": "math"} | verify},
    ]
    file = folder / "two.yaml"
    file.write_text(
        yaml.safe_dump({"name": "two", "format": "think", "tracks": {"math": stages}, "dataset": {"rows": "all"}})
    )
    return str(file)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recipe ran twice, the second time with a verifier that also takes numbers without a box."""
    folder = tmp_path_factory.mktemp("verdicts")
    ROWS.write_parquet(folder / "rows.parquet")
    for verify in ({}, {"boxed_only": False}):
        run = ot(folder / "data", "materialize", recipe(folder, **verify), "--upto", "verified")
        assert run.returncode == 0, run.stderr
    return folder / "data"


def test_it_says_what_changed_and_why(data):
    run = ot(data, "diff-verdicts", "two/math/verified")
    assert run.returncode == 0, run.stderr
    assert "3 answers are in both, 2 have another verdict (0 only in the first, 0 only in the second)" in run.stdout
    assert "unparsed -> right" in run.stdout
    assert "unparsed -> wrong" in run.stdout
    assert "expected '6', got '7'" in run.stdout
    changed = json.loads(ot(data, "diff-verdicts", "two/math/verified", "--json").stdout)
    assert [(row["old"], row["new"]) for row in changed].count(("unparsed", "right")) == 1
    assert len(changed) == 2


def test_what_cannot_be_compared_is_one_line(data):
    for arguments, told in (
        (["two/math/verifed"], "no table two/math/verifed; tables with verdicts are: two/math/verified"),
        (["two/math/answers"], "two/math/answers was made by imported@"),
        (["two/math/verified", "--since", "zzz"], "has had no other version 'zzz'; it has had: "),
    ):
        run = ot(data, "diff-verdicts", *arguments)
        assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
        assert told in run.stderr
