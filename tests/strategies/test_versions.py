from __future__ import annotations

from . import versions

SOURCE = '''
"""Module."""

@strategy(stage="dedup", version=1)
def exact(questions):
    """Docstring."""
    return questions  # as they are
'''


def test_comments_docstrings_and_layout_are_no_change():
    other = '@strategy(stage="dedup", version=2)\ndef exact(questions):\n    """Other."""\n\n    return (questions)\n'
    assert versions.normalised(SOURCE) == versions.normalised(other)


def test_another_behaviour_is_a_change():
    assert versions.normalised(SOURCE) != versions.normalised(SOURCE.replace("return questions", "return None"))


def test_the_complaint_names_the_strategy():
    golden = {"a.x": {"version": 1, "source": "old"}, "a.y": {"version": 1, "source": "s"}}
    now = {
        "a.x": {"version": 1, "source": "new"},
        "a.fresh": {"version": 1, "source": "s"},
        "a.z": {"version": 2, "source": "s"},
    }
    assert versions.complaints(golden, now) == [
        "a.x changed under version 1: raise it in its @strategy",
        "a.y is gone, but the golden file has it",
        "a.z is new: a new strategy has version 1",
    ]
    assert versions.complaints(golden, golden) == []


def test_helpers_count_as_part_of_a_strategy():
    names = versions.closure("ot_assets.strategies.decontaminate.indel_or_ngram")
    assert "ot_assets.strategies.decontaminate.ngrams" in names
    assert "ot_assets.strategies.dropping" in names
    assert "ot_assets.strategies.registry" not in names


def test_a_module_imported_from_its_package_and_a_file_that_is_started_count_too():
    names = versions.closure("ot_assets.strategies.verify.math")
    assert "ot_assets.strategies.verify.exact" in names
    assert "ot_assets.strategies.verify.math_worker" in names
