"""The scoreboard of a study: as text, as JSON, and as a report with its pictures."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import polars as pl

from ot_assets.ablations.benchmarks import published_models
from ot_assets.cli.query import table
from ot_assets.graph import boards
from ot_assets.lineage.explain import printable
from ot_resources.environments import data_root
from ot_resources.interfaces import BadInput
from ot_resources.store import Store, Version

RULE = (
    "Score ± standard error, in points of 100. `loses`: below the best by more than 2 standard errors of the"
    " difference, and p < 0.05 after Holm's correction over all pairs; else `tie`. `chosen`: of those that did not lose"
    " the cheapest, then the first of the file. Held-out benchmarks choose nothing."
)


def text(board: pl.DataFrame) -> str:
    """The scoreboard as `ot materialize` prints it."""
    shown = [boards.told(row) for row in boards.variants(board)]
    names = [name for name in (shown[0] if shown else {}) if any(str(row[name]).strip() for row in shown)]
    rows = [{name: row[name] for name in names} for row in shown]
    parts = [table(rows, empty="no variants"), printable(boards.sketch(board))]
    detail = boards.by_benchmark(board)
    if detail and len(detail[0]) > 1:
        parts.append("By benchmark\n" + table(detail, empty=""))
    return "\n\n".join([*parts, RULE.replace("`", "'")])


def scoreboard(study: str, as_json: bool, report_to: str | None) -> str:
    """The scoreboard of a study as it was made last. BadInput: it was not made, or cannot be written.

    With `report_to` it is written there as Markdown, with its pictures beside it.
    """
    version = latest(study)
    board = version.scan().collect()
    if report_to:
        file = Path(report_to)
        written, drawn = report(board, study, version.version, file.stem)
        try:
            file.write_text(written, encoding="utf-8")
            for name, svg in drawn.items():
                file.with_name(name).write_text(svg, encoding="utf-8")
        except OSError as error:
            raise BadInput(
                f"--report {file}: cannot be written ({error.strerror}); say a file, e.g. board.md"
            ) from None
        return f"{file}: the scoreboard of {study}, {len(drawn)} pictures beside it"
    if as_json:
        return json.dumps(board.to_dicts(), indent=1, ensure_ascii=False)
    return text(board)


def latest(study: str) -> Version:
    """The scoreboard's version in use."""
    store = Store(root=str(data_root()))
    version = store.latest((study, "scoreboard"))
    if version is None:
        there = [name[0] for name, _ in store.assets() if name[1:] == ("scoreboard",)]
        known = f"; there are those of: {', '.join(there)}" if there else ""
        raise BadInput(f"no scoreboard of '{study}': run `ot materialize {study}`{known}")
    return version


def report(board: pl.DataFrame, title: str, version: str, stem: str = "report") -> tuple[str, dict[str, str]]:
    """The report in Markdown, and its pictures as SVG by file name; they lie beside it."""
    drawn = {f"{stem}-{name.replace('_', '-')}.svg": svg for name, svg in boards.drawn(board).items()}
    pictures = [f"![{boards.plain(name.removesuffix('.svg'))}]({quote(name)})" for name in drawn]
    parts = [
        f"# {boards.plain(title)}",
        f"Version `{version}` of the scoreboard. {RULE}",
        boards.markdown([boards.told(row) for row in boards.variants(board)]),
        *pictures,
        "## By benchmark\n\nPublished scores stand in parentheses.",
        boards.markdown(boards.by_benchmark(board)),
        *_others(board),
    ]
    return "\n\n".join(parts) + "\n", drawn


def _others(board: pl.DataFrame) -> list[str]:
    """What models of others were published with, on those benchmarks that are on the board."""
    asked = list(board["benchmark"].unique(maintain_order=True))
    rows = [
        {"model": model} | {name: f"{scores[name]:g}" if name in scores else "" for name in asked}
        for model, scores in published_models().items()
        if set(scores) & set(asked)
    ]
    return ["## Models of others, as published", boards.markdown(rows)] if rows else []
