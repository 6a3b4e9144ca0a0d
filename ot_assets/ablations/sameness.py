"""When two variants of a study are one plan, and two of its benchmarks one table."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from ot_assets.ablations import students
from ot_assets.ablations.model import Variant
from ot_assets.recipes.model import Choice, Input, Reused, Written
from ot_assets.recipes.sources import SourceSpec
from ot_resources.interfaces import Training


def share_rows(one: SourceSpec, other: SourceSpec) -> bool:
    """Whether two benchmarks are read from the same rows. Parts of one table (`only`) may be different ones."""
    if one.path or other.path:
        same = bool(one.path and other.path) and Path(one.path).resolve() == Path(other.path).resolve()
    else:
        splits = {one.split, other.split}
        same = (one.dataset, one.config, one.repository_files) == (other.dataset, other.config, other.repository_files)
        same = same and (len(splits) == 1 or "all" in splits)
    parts = [spec.mapping.only for spec in (one, other)]
    return same and (not all(parts) or parts[0] == parts[1])


def plan_of(variant: Variant, student: Any) -> list[Any]:
    """What decides what comes of a variant."""
    track = variant.track
    sources = [_source(source) for source in track.sources] if track else []
    choices = [_identity(choice) for choice in (*(track.choices if track else ()), variant.cell, variant.scores)]
    return [sources, choices, variant.student.use, variant.student.params["seeds"], _trained(student)]


def _source(source: Input) -> list[Any]:
    if isinstance(source, Written):
        return [source.id, _source(source.source), _identity(source.choice)]
    if isinstance(source, Reused):
        return [source.id, source.recipe.name, source.rows, source.domain]
    return [source.params(False), source.params(True), source.path]


def _trained(student: Any) -> dict[str, Any]:
    """How students are trained where they are real ones. On `local`, where the small student stands for all of them,
    presets come to the same that do not elsewhere; a preset by its name and its numbers written out are one plan."""
    given = {"preset": student} if isinstance(student, str) else dict(student)
    preset = students.presets()[given.pop("preset", students.DEFAULT)]
    defaults = {field.name: field.default for field in fields(Training)}
    told = defaults | {key: value for key, value in (preset | given).items() if key in defaults}
    return {key: float(value) if isinstance(value, int) else value for key, value in told.items()}


def _identity(choice: Choice) -> list[Any]:
    params = {name: value for name, value in choice.params.items() if name != "reason"}
    tables = {name: [table.id for table in tables] for name, tables in choice.tables.items()}
    return [choice.strategy.title, params, tables, choice.teacher]
