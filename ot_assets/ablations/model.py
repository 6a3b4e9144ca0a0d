"""A study as frozen data: a recipe, the choice that is varied, how each variant is judged. `loading.py` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ot_assets.contracts import STAGES
from ot_assets.recipes.model import Choice, Recipe, Track

# What each variant ends with, after the tables of the recipe.
CELL, STUDENT, SCORES, SCOREBOARD = "cell", "student", "scores", "scoreboard"
# Of these, what a study may vary beside the stages of a recipe.
OWN = (CELL, STUDENT)
VARIED = (*STAGES, *OWN)


@dataclass(frozen=True)
class Variant:
    """One way to make the choice, as a track of its own.

    `track` holds the sources and all choices of the recipe's track with the variant's own in their places; None where
    the study takes the whole dataset. `raw` are the variant's choices as the file has them, by stage.
    """

    name: str
    track: Track | None
    cell: Choice
    student: Choice
    scores: Choice
    raw: dict[str, Any] = field(repr=False)

    @property
    def own(self) -> tuple[Choice, ...]:
        """What follows the recipe's stages."""
        return (self.cell, self.student, self.scores)


@dataclass(frozen=True)
class Study:
    """A study with all its variants resolved and checked.

    `recipe` is what is forked, at the choice number `fork` of its track `domain` (0: at its sources, 1: at its first
    choice; at its end where only the cell or the student differ). `derived` is the study as a recipe of its own, whose
    tracks are the variants: its tables go by <study>/<variant>/<asset>. `common` and each variant's `raw` are choices
    as the file has them.
    """

    name: str
    description: str
    source: str
    file: Path
    recipe: Recipe
    domain: str | None
    stages: tuple[str, ...]
    common: dict[str, Any]
    variants: dict[str, Variant]
    baseline: str
    fork: int
    derived: Recipe
    benchmarks: dict[str, tuple[str, ...]]
    seeds: tuple[int, ...]
    comparison: dict[str, Any]
