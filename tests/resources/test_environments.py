"""Which model stands behind the teacher and the judge, as the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ot_resources.environments import resources
from ot_resources.generators import JUDGE_FOLDER, TEACHER_FOLDER
from ot_resources.generators.resource import LanguageModel
from ot_resources.interfaces import BadInput


@pytest.fixture(autouse=True)
def weights(data_root: Path, teacher: Path) -> None:
    """A data root of its own, on a machine with the embedded models."""


def models(**settings: str) -> tuple[str, str]:
    """The folders' names of (teacher, judge)."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        found = resources()
    named: list[str] = []
    for name in ("teacher", "judge"):
        model = found[name]
        assert isinstance(model, LanguageModel)
        named.append(model.identity.removeprefix("embedded:").partition("@")[0])
    return named[0], named[1]


@pytest.mark.parametrize(
    ("settings", "teacher", "judge"),
    [
        ({}, "teacher", "judge"),
        ({"OT_TEACHER": "embedded"}, "teacher", "teacher"),
        ({"OT_TEACHER": f"embedded:{JUDGE_FOLDER}"}, "judge", "judge"),
        ({"OT_JUDGE": "embedded"}, "teacher", "teacher"),
        ({"OT_JUDGE": f"embedded:{TEACHER_FOLDER}"}, "teacher", "teacher"),
        ({"OT_TEACHER": "embedded", "OT_JUDGE": f"embedded:{JUDGE_FOLDER}"}, "teacher", "judge"),
        ({"OT_TEACHER": "embedded", "OT_ENV": "gpu"}, "teacher", "teacher"),
    ],
)
def test_the_judge_is_its_own_model_until_a_teacher_is_said(settings, teacher, judge):
    assert models(**settings) == (teacher, judge)


def test_away_from_local_a_teacher_must_be_said():
    with pytest.raises(BadInput, match="say which teacher with OT_TEACHER"):
        models(OT_ENV="gpu")
    with pytest.raises(BadInput, match="say which teacher with OT_TEACHER"):
        models(OT_ENV="gpu", OT_JUDGE="embedded")


def test_no_password_of_a_teacher_is_shown():
    for url, said in (
        ("http://me:secret@host/v1", "OT_TEACHERS: QwQ: endpoint at host: no user or password in the URL"),
        ("HTTP://me:secret@host/v1", "OT_TEACHERS: QwQ: endpoint at host: no user or password in the URL"),
        ("h2+http://me:secret@host/v1", "OT_TEACHERS: QwQ: endpoint at host: no user or password in the URL"),
        ("http://", "OT_TEACHERS: QwQ: .*not the URL of an endpoint"),
    ):
        with pytest.raises(BadInput, match=said) as raised:
            models(OT_TEACHERS=f"{{QwQ: 'server:QwQ-32B@{url}'}}")
        assert "secret" not in str(raised.value)
    models(OT_TEACHERS="{QwQ: 'server:QwQ-32B@http://host/v1'}")


def test_a_judge_that_is_not_there_is_one_line():
    with pytest.raises(BadInput, match="OT_JUDGE=embedded:nowhere: no folder nowhere"):
        models(OT_JUDGE="embedded:nowhere")
