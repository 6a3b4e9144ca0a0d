"""What the commands say of studies, and of options that do not fit them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from ot_assets.cli.main import main
from tests.ablations.small import study, write_study
from tests.recipes.small import write_recipe

pytestmark = pytest.mark.usefixtures("data_root")


def said(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_studies_are_listed():
    code, told = said("studies", "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(told)}
    practice = rows["practice_math_filter"]
    assert (practice["recipe"], practice["domain"], practice["stages"]) == (
        "practice_math",
        "math",
        ["filter", "select"],
    )
    assert practice["variants"][0] == practice["baseline"] == "random"
    assert practice["chosen"] is None
    code, told = said("studies")
    assert (
        "filter x select of practice_math, math: 4 variants, 2 seeds, benchmarks: 1 dev, 1 held out; chosen: -" in told
    )


@pytest.mark.parametrize("command", ["materialize", "plan"])
def test_options_that_do_not_fit_are_told(tmp_path, command):
    recipe, file = str(write_recipe(tmp_path)), str(write_study(tmp_path))
    for arguments, message in (
        ((recipe, "--variant", "a"), "--variant a:"),
        ((file, "--track", "math"), "--track math: "),
        ((file, "--upto", "cell"), "--upto cell: "),
        (
            (file, "--variant", "b"),
            "--variant b: small_study has no such variant; there is: everything, at_random, only_wrong",
        ),
        ((file, "--scale", "-1"), "--scale -1.0: the scale is a number above 0"),
    ):
        code, told = said(command, *arguments)
        assert (code, told.startswith("ot: ")) == (2, True), told
        assert message in told
        assert len(told.strip().splitlines()) == 1


def test_a_study_without_its_variants_is_still_taken_for_one(tmp_path):
    body = study()
    del body["variants"]
    code, told = said("materialize", str(write_study(tmp_path, body)))
    assert (code, told.strip()) == (2, "ot: small_study.yaml: variants: this key is missing")


def test_models_by_name_are_checked_before_anything_runs(monkeypatch):
    for text, message in (
        ("[a]", "OT_TEACHERS: a mapping of names to engine"),
        ("{a: strange:b}", "OT_TEACHERS: a"),
        ("{a: ", "OT_TEACHERS: "),
    ):
        monkeypatch.setenv("OT_TEACHERS", text)
        code, told = said("plan", "practice_math_filter")
        assert (code, message in told) == (2, True), told
        assert len(told.strip().splitlines()) == 1


def test_a_variant_whose_teacher_nobody_knows_is_told_in_the_plan(tmp_path):
    body = study() | {"stage": "answers", "common": {"filter": {"use": "none", "reason": "not asked here"}}}
    body["variants"] = {"ours": {"use": "teacher"}, "strong": {"use": "teacher", "model": "strong"}}
    code, told = said("plan", str(write_study(tmp_path, body)), "--json")
    assert code == 0, told
    found = json.loads(told)
    assert list(found["variants"]) == ["ours"]
    assert "no model 'strong' in OT_TEACHERS" in found["refused"]["strong"]
