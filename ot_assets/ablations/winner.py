"""What a study's scoreboard chose, and how that is told as the reason of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ot_assets.ablations.model import Study
from ot_resources.interfaces import BadInput

_DEV = "dev"
_TIE = "tie"


@dataclass(frozen=True)
class Winner:
    """What a study's scoreboard chose. `board` is its rows on the dev mean, `version` that of the scoreboard."""

    study: Study
    version: str
    variant: str
    board: pl.DataFrame = field(repr=False)

    @property
    def verdict(self) -> str:
        return str(self._row["verdict"])

    @property
    def tied(self) -> list[str]:
        """The other variants that it cannot be told from."""
        rows = self.board.filter((pl.col("verdict") == _TIE) & (pl.col("variant") != self.variant))
        return rows["variant"].to_list() if self.verdict == _TIE else []

    @property
    def _row(self) -> dict[str, Any]:
        return self.board.row(by_predicate=pl.col("variant") == self.variant, named=True)

    def because(self, resized: Sequence[str] = ()) -> dict[str, Any]:
        """The choice's `because`: the scores of what was chosen and of the best of the others, and the verdict."""
        others = self.board.filter((pl.col("variant") != self.variant) & pl.col("score").is_not_null())
        shown = [self._row, *others.sort("score", descending=True, maintain_order=True).head(1).to_dicts()]
        unscored = self.board.filter(pl.col("score").is_null())["variant"].to_list()
        notes = [
            f"tied with {', '.join(self.tied)}: the cheapest of them, then the first in the file" if self.tied else "",
            f"without scores: {', '.join(unscored)}" if unscored else "",
            *resized,
        ]
        told: dict[str, Any] = {"study": self.study.name, "variant": self.variant, "version": self.version}
        told |= {"verdict": self.verdict, "scores": {row["variant"]: _figures(row) for row in shown}}
        given = self.study.comparison.get("published", {})
        published = {row["variant"]: _numbers(given.get(row["variant"], {})) for row in shown}
        if published := {name: figures for name, figures in published.items() if figures}:
            told |= {"published": published, "source": self.study.source}
        return told | ({"note": "; ".join(filter(None, notes))} if any(notes) else {})


def winner(study: Study, version: str, board: pl.DataFrame) -> Winner:
    """What the scoreboard of a study chose. BadInput: nothing is chosen, or the study's file has other variants."""
    dev = board.filter(pl.col("benchmark") == _DEV)
    again = f"run 'ot materialize {called(study)}'"
    if strange := sorted(set(dev["variant"]) ^ set(study.variants)):
        raise BadInput(
            f"{study.name}: its scoreboard ({version}) and its file differ in the variant '{strange[0]}'; {again}"
        )
    chosen = dev.filter(pl.col("chosen"))["variant"].to_list()
    if not chosen:
        told = dev.select("variant", "verdict", "reason").rows()
        said = "; ".join(f"{name}: {verdict}" + (f" ({why})" if why else "") for name, verdict, why in told[:4])
        raise BadInput(f"{study.name}: its scoreboard ({version}) chose nothing: {said}; {again}")
    return Winner(study, version, chosen[0], dev)


def called(study: Study) -> str:
    """How the command line calls the study."""
    return study.name if study.file.parent == Path(__file__).parent else str(study.file)


def _figures(row: dict[str, Any]) -> dict[str, float | None]:
    return {name: None if row[name] is None else round(float(row[name]), 2) for name in ("score", "se")}


def _numbers(given: dict[str, Any]) -> dict[str, float]:
    numbers = {k: v for k, v in given.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {name: float(value) for name, value in numbers.items()}
