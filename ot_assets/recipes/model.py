"""A recipe as frozen data: tracks of choices, each a strategy with its parameters. `loading.py` reads it from YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from ot_assets.recipes.because import Because
from ot_assets.recipes.sources import SourceSpec
from ot_assets.strategies import registry
from ot_resources.generators.budget import Budget

_SHARE = re.compile(r"\d{1,6}(\.\d{1,12})?%?")
_Count = Annotated[int, Field(ge=0)]
# Rows that were published: a number, a band of two, or either by source.
Published = _Count | tuple[_Count, _Count] | dict[str, _Count | tuple[_Count, _Count]]


@dataclass(frozen=True)
class Choice:
    """One choice: a strategy with its parameters at one stage of a track. `asset` is the name of its table.

    `published` is how many rows the release had after it, `model` who answered there, and `because` the study that
    justifies it; none of them changes the table.
    `teacher`, of a study's variant, is who answers here (OT_TEACHERS), and does.
    """

    stage: str
    use: str
    asset: str
    params: dict[str, Any]
    where: str
    tables: dict[str, tuple[SourceSpec | Reused, ...]] = field(default_factory=dict)
    published: Published | None = None
    because: Because | None = None
    model: str | None = None
    teacher: str | None = None

    @property
    def strategy(self) -> registry.Strategy:
        return registry.find(self.stage, self.use, self.where)


@dataclass(frozen=True)
class Written:
    """Questions that a model writes from the rows of another source."""

    id: str
    source: SourceSpec
    choice: Choice

    @property
    def domain(self) -> str | None:
        return self.source.domain


@dataclass(frozen=True)
class Reused:
    """The rows of another recipe's dataset, or of its unverified twin: with their answers as a source of a track, or
    their questions as what another choice compares with."""

    id: str
    recipe: Recipe
    rows: Literal["dataset", "unverified"]
    domain: str | None
    where: str

    @property
    def key(self) -> tuple[str, str]:
        """The table of the questions to compare with, the same one for every recipe."""
        return ("benchmarks", self.id)


Input = SourceSpec | Written | Reused


@dataclass(frozen=True)
class Track:
    """An ordered list of choices; the sources come first, and `because` is the study that justifies them."""

    name: str
    sources: tuple[Input, ...]
    choices: tuple[Choice, ...]
    because: Because | None = None

    def outside(self) -> Iterator[SourceSpec]:
        """Every source and benchmark that the track reads itself."""
        for source in self.sources:
            if isinstance(source, SourceSpec | Written):
                yield source.source if isinstance(source, Written) else source
        yield from (table for table in self._tables() if isinstance(table, SourceSpec))

    def compared(self) -> Iterator[Reused]:
        """Datasets of other recipes whose questions a choice compares with."""
        yield from (table for table in self._tables() if isinstance(table, Reused))

    def _tables(self) -> Iterator[SourceSpec | Reused]:
        yield from (table for choice in self.choices for tables in choice.tables.values() for table in tables)

    def reused(self) -> Iterator[Reused]:
        yield from (source for source in self.sources if isinstance(source, Reused))


class DatasetSpec(BaseModel):
    """What is released: rows by domain at full size (or all), the share of spare questions, and whether a twin holds
    the rows before selection. `published` is how many rows the release had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Literal["all"] | dict[str, int | Literal["all"]] = "all"
    spare: Fraction = Fraction(0)
    unverified: bool = False
    published: Published | None = None
    published_unverified: Published | None = None

    @field_validator("spare", mode="before")
    @classmethod
    def _percent(cls, value: Any) -> Any:
        text = str(value).strip() if isinstance(value, str | int | float) else ""
        if not _SHARE.fullmatch(text):
            raise PydanticCustomError("share", "a share such as 5% or 0.05")
        return Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


@dataclass(frozen=True)
class Recipe:
    """A recipe with all its choices resolved and checked."""

    name: str
    description: str
    file: Path
    format: Choice
    tracks: tuple[Track, ...]
    dataset: DatasetSpec
    scale: dict[str, float]
    owners: tuple[str, ...]
    budget: Budget

    def choices(self) -> Iterator[tuple[str, Choice]]:
        """(track, choice) for every choice, the format of each track included."""
        for track in self.tracks:
            yield from ((track.name, choice) for choice in track.choices)

    def outside(self) -> Iterator[SourceSpec]:
        """Every source and benchmark that the recipe reads itself."""
        for track in self.tracks:
            yield from track.outside()
