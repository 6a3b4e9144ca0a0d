"""`ot recipes`, `ot studies`: what each is made of, and how far it is."""

from __future__ import annotations

import textwrap
from typing import Any

import polars as pl

from ot_assets.ablations.model import SCOREBOARD, Study
from ot_assets.cli.query import table
from ot_assets.contracts import DOMAINS
from ot_assets.recipes.model import Published, Recipe, Track
from ot_resources.environments import data_root
from ot_resources.store import Store, Version

_WIDTH = 118


def described(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON: domains, sources, stages by track, teacher, published and current rows."""
    current = Store(root=str(data_root())).latest((recipe.name, "dataset"))
    models = [choice.model for _, choice in recipe.choices() if choice.stage == "answers" and choice.model]
    return {
        "name": recipe.name,
        "description": recipe.description,
        "domains": _domains(recipe),
        "teacher": ", ".join(dict.fromkeys(models)) or None,
        "rows": recipe.dataset.rows,
        "published_rows": recipe.dataset.published,
        "current_rows": current.rows if current else None,
        "tracks": {track.name: _track(track) for track in recipe.tracks},
        "file": str(recipe.file),
    }


def _domains(recipe: Recipe) -> list[str]:
    """In the project's order; those of a recipe that it builds on as well."""
    found = {source.domain for track in recipe.tracks for source in track.sources}
    for track in recipe.tracks:
        for reused in track.reused():
            found |= {reused.domain} if reused.domain else set(_domains(reused.recipe))
    return [domain for domain in DOMAINS if domain in found]


def _track(track: Track) -> dict[str, Any]:
    return {
        "sources": [source.id for source in track.sources],
        "stages": [f"{choice.stage}.{choice.use}" for choice in track.choices],
    }


def listed(row: dict[str, Any]) -> str:
    """A recipe for a person to read."""
    now = "not made yet" if row["current_rows"] is None else f"{row['current_rows']:,}"
    rows = f"rows: {told(row['published_rows'])} published, {now}{' here' if row['current_rows'] is not None else ''}"
    tracks = [
        {"track": name, "sources": ", ".join(track["sources"]), "stages": " > ".join(_short(track["stages"]))}
        for name, track in row["tracks"].items()
    ]
    parts = [
        textwrap.fill(row["description"] or "(no description)", _WIDTH),
        "; ".join(
            [
                f"domains: {', '.join(row['domains']) or 'told by a column'}",
                f"teacher: {row['teacher'] or 'as OT_TEACHER says'}",
                rows,
            ]
        ),
        table(tracks, empty="no tracks"),
    ]
    return row["name"] + "\n" + textwrap.indent("\n".join(parts), "  ")


def _short(stages: list[str]) -> list[str]:
    """Without those that do nothing: 'none' is a choice to be read in the file."""
    return [stage for stage in stages if not stage.endswith(".none")]


def study_row(study: Study) -> dict[str, Any]:
    """The study as JSON: what it forks, what varies, how it is judged, and what was chosen."""
    board = Store(root=str(data_root())).latest((study.name, SCOREBOARD))
    return {
        "name": study.name,
        "description": study.description,
        "source": study.source,
        "recipe": study.recipe.name,
        "domain": study.domain,
        "stages": list(study.stages),
        "variants": list(study.variants),
        "baseline": study.baseline,
        "seeds": list(study.seeds),
        "benchmarks": {kind: list(ids) for kind, ids in study.benchmarks.items()},
        "chosen": _chosen(board) if board else None,
        "file": str(study.file),
    }


def _chosen(board: Version) -> str | None:
    found = board.scan().filter(pl.col("chosen")).select("variant").unique().collect()["variant"].to_list()
    return found[0] if found else None


def listed_study(row: dict[str, Any]) -> str:
    """A study for a person to read."""
    place = f"{row['recipe']}, {row['domain']}" if row["domain"] else row["recipe"]
    varied = f"{' x '.join(row['stages'])} of {place}: {len(row['variants'])} variants"
    sets = ", ".join(f"{len(ids)} {kind.replace('_', ' ')}" for kind, ids in row["benchmarks"].items())
    parts = [
        textwrap.fill(row["description"] or "(no description)", _WIDTH),
        f"{varied}, {len(row['seeds'])} seeds, benchmarks: {sets}; chosen: {row['chosen'] or '-'}",
        textwrap.fill(", ".join(row["variants"]), _WIDTH),
    ]
    return row["name"] + "\n" + textwrap.indent("\n".join(parts), "  ")


def told(published: Published | None) -> str:
    """Published rows in words; a number by source as their sum."""
    if published is None:
        return "-"
    if isinstance(published, dict):
        bands = [rows if isinstance(rows, tuple) else (rows, rows) for rows in published.values()]
        low, high = (sum(ends) for ends in zip(*bands, strict=True))
        return told((low, high) if low != high else low)
    return f"{published:,}" if isinstance(published, int) else f"{published[0]:,} to {published[1]:,}"
