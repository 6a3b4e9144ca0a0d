from __future__ import annotations

import inspect

import polars as pl
import pytest

from ot_assets.contracts import COLUMNS, STAGES, STUDY_STAGES
from ot_assets.strategies import apply
from ot_assets.strategies.registry import every, find, strategy
from ot_resources.interfaces import BadInput

from . import versions

FRAME = pl.DataFrame({"question": ["a"]})


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("dedup.exakt", {}, r"dedup has no strategy 'exakt'; did you mean 'exact'\?"),
        ("dedup.zzz", {}, r"dedup has no strategy 'zzz'; there is: .*exact"),
        ("deduplicate.exact", {}, r"unknown stage 'deduplicate'"),
        ("sample.uniform", {"n": 1, "sede": 3}, r"sample\.uniform has no parameter 'sede'; did you mean 'seed'\?"),
        ("sample.uniform", {"n": "many"}, r"sample\.uniform: 'n': input should be a valid integer"),
        ("sample.uniform", {}, r"sample\.uniform: 'n': field required"),
        ("decontaminate.indel", {"threshold": 75}, r"needs 'against', a list of ids of the catalogue, or of files"),
        ("decontaminate.indel", {"against": "gone.parquet"}, r"against: no file at gone\.parquet"),
        ("answers.teacher", {"samples": 0}, r"'samples': input should be greater than or equal to 1"),
    ],
)
def test_bad_choices_are_one_line_that_says_what_would_be_right(name, params, told):
    with pytest.raises(BadInput, match=told) as raised:
        apply(name, FRAME, **params)
    assert "\n" not in str(raised.value)


def test_a_missing_column_is_named():
    with pytest.raises(BadInput, match=r"dedup\.exact needs the column 'question'; the frame has: prompt"):
        apply("dedup.exact", FRAME.rename({"question": "prompt"}))


def test_a_name_is_taken_once():
    find("dedup", "exact")
    with pytest.raises(ValueError, match=r"dedup\.exact is registered twice"):

        @strategy(stage="dedup", version=1)
        def exact(questions: pl.LazyFrame) -> pl.LazyFrame:
            return questions


@pytest.mark.parametrize("entry", list(every()), ids=lambda entry: entry.title)
def test_every_strategy_is_declared_as_the_factory_reads_it(entry):
    module = inspect.getmodule(entry.function)
    assert module is not None
    assert module.__name__.split(".")[:3] == ["ot_assets", "strategies", entry.stage]
    assert entry.stage in {*STAGES, *STUDY_STAGES, "dataset"}
    assert set(entry.needs) <= set(COLUMNS)
    assert len(entry.doc.split()) >= 10
    positional = [p for p in inspect.signature(entry.function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert len(positional) == 1
    assert bool(entry.publishes) == (entry.stage == "format")


def test_a_strategy_that_changed_has_a_new_version():
    versions.check()
