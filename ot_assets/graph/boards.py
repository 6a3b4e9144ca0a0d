"""A scoreboard as people read it: tables in Markdown, and its pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from ot_assets.graph import pictures
from ot_assets.graph.pictures import Mark
from ot_assets.lineage.explain import printable
from ot_assets.strategies.scoreboard.compare import DEV

Row = dict[str, Any]

# What is drawn against the score, and how it is called.
_COSTS = {"rows": "rows that a student learned from (log)", "tokens": "tokens of these rows", "money": "money"}


def variants(board: pl.DataFrame) -> list[Row]:
    """One row a variant, in the order of the study's file."""
    return list(board.filter(pl.col("benchmark") == DEV).iter_rows(named=True))


def told(row: Row) -> Row:
    """What a person wants to know of a variant, in words and rounded; the same for the terminal and for Markdown."""
    return {
        "variant": row["variant"],
        "score": figure(row["score"], row["se"]),
        "verdict": f"{row['verdict'] or ''}{' · chosen' if row['chosen'] else ''}".strip(),
        "vs best": "best"
        if row["vs_best"] == 0 and row["p_value"] is None
        else figure(row["vs_best"], row["vs_best_se"]),
        "p": "" if row["p_value"] is None else f"{row['p_value']:.2g}",
        "vs baseline": " ".join(
            [figure(row["vs_baseline"], row["vs_baseline_se"]), row["vs_baseline_verdict"] or ""]
        ).strip(),
        "seeds": "" if row["seeds"] is None else str(row["seeds"]),
        "questions": "" if row["questions"] is None else f"{row['questions']:,}",
        **{name: "" if row[name] is None else pictures.short(row[name]) for name in ("rows", "tokens", "money")},
        "published": figure(row["published"], row["published_se"]),
        "reason": row["reason"] or "",
    }


def figure(value: float | None, error: float | None) -> str:
    """A score in points with its standard error, where there is one."""
    if value is None:
        return ""
    return f"{value:.1f}" if error is None else f"{value:.1f} ± {error:.1f}"


def sketch(board: pl.DataFrame, wide: int = 30) -> str:
    """The scores with two standard errors to either side, a line a variant, for where there is only text."""
    shown = variants(board)
    scored = [row for row in shown if row["score"] is not None]
    ends = [row["score"] + side * 2 * (row["se"] or 0) for row in scored for side in (-1, 1)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    label = max((len(row["variant"]) for row in shown), default=0)

    def at(value: float) -> int:
        return round((wide - 1) * (value - low) / ((high - low) or 1))

    lines = []
    for row in shown:
        stretch = [" "] * wide
        if row["score"] is not None:
            first, last = at(row["score"] - 2 * row["se"]), at(row["score"] + 2 * row["se"])
            stretch[first : last + 1] = "─" * (last + 1 - first)
            stretch[first], stretch[last], stretch[at(row["score"])] = "├", "┤", "●"
        said = told(row)
        lines.append(f"{row['variant']:>{label}} {''.join(stretch)} {said['score']} {said['verdict']}".rstrip())
    return "\n".join(lines)


def by_benchmark(board: pl.DataFrame) -> list[Row]:
    """One row a variant, one column a mean or benchmark; a published score follows in parentheses."""
    names = [name for name in board["benchmark"].unique(maintain_order=True) if name != DEV]
    held_out = set(board.filter(pl.col("held_out"))["benchmark"])
    cells = {(row["variant"], row["benchmark"]): row for row in board.iter_rows(named=True)}
    rows = []
    for variant in [row["variant"] for row in variants(board)]:
        made: Row = {"variant": variant}
        for name in names:
            cell = cells.get((variant, name))
            title = f"{name} (held out)" if name in held_out and name != "held_out" else name
            own = figure(cell["score"], cell["se"]) if cell else ""
            made[title] = f"{own} ({cell['published']:g})" if cell and cell["published"] is not None else own
        rows.append(made)
    return rows


def marks(board: pl.DataFrame, cost: str | None = None) -> list[Mark]:
    """The variants that have a score, as they are drawn."""
    return [
        Mark(
            row["variant"],
            row["score"],
            row["se"] or 0.0,
            row["verdict"],
            row["published"],
            row[cost] if cost else None,
        )
        for row in variants(board)
        if row["score"] is not None
    ]


def drawn(board: pl.DataFrame) -> dict[str, str]:
    """The pictures by name, as SVG: the scores, and the scores against each cost that differs between variants."""
    shown = marks(board)
    if not shown:
        return {}
    made = {"scores": pictures.bars(shown, "Dev score, ± 2 standard errors; ◇ published")}
    for cost, label in _COSTS.items():
        placed = [mark for mark in marks(board, cost) if mark.x]
        if len({mark.x for mark in placed}) > 1:
            title = f"Dev score against {'cost in ' if cost == 'money' else ''}{cost}"
            made[f"score_by_{cost}"] = pictures.scatter(placed, title, label, log=cost == "rows")
    return made


def markdown(rows: Sequence[Row]) -> str:
    """A table; columns that are empty in all rows are left out."""
    names = [name for name in (rows[0] if rows else {}) if any(str(row[name]).strip() for row in rows)]
    lines = ["| " + " | ".join(map(plain, names)) + " |", "|" + "---|" * len(names)]
    return "\n".join(lines + ["| " + " | ".join(plain(row[name]) for name in names) + " |" for row in rows])


# What opens code, emphasis, a link, an image, HTML or mathematics, ends a cell or is a link by itself. An underscore
# within a word is none of it.
_LIVE = re.compile(r"[\\`*\[\]<>!|~$&@]|(?<![^\W_])_|_(?![^\W_])|(?<=http):|(?<=https):|(?<=ftp):|(?<=www)\.", re.I)


def plain(value: Any) -> str:
    """A text that comes from data as Markdown that shows it, in one line, and does nothing else."""
    return _LIVE.sub(r"\\\g<0>", printable(" ".join(str(value).split())))
