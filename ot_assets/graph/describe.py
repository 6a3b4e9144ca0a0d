"""What the UI shows of a materialisation: counts, plots, schema, a preview, and why rows were dropped."""

from __future__ import annotations

import math
from typing import Any

import dagster as dg
import polars as pl

from ot_assets.contracts import SCORES
from ot_assets.graph import boards
from ot_assets.graph.execute import Made
from ot_assets.graph.pictures import image
from ot_resources.digest import canonical_json

# Metadata that the night compares: of a source's table and of what was observed of the source itself; of every table
# what it was made from; of a recipe's tables their size.
REVISION, ORIGIN, INPUTS, SCALE = "revision", "origin", "inputs", "scale"

_PREVIEW_ROWS = 5
_PREVIEW_CHARACTERS = 160
# A preview has room for few columns: first what a person looks for, never JSON that only machines read.
_PREVIEW_COLUMNS = 6
_PREVIEW_FIRST = ("question", "difficulty", "reference", "answer", "verdict", "conversations", "reasoning")
# Of what a check shows: the asset's page is narrow, and has much else.
_CHECK_ROWS, _CHECK_COLUMNS = 6, 4
_PREVIEW_NEVER = frozenset({"extra", "tests"})
_PLOT_ROWS = 100_000
_BARS = 12
_BAR_WIDTH = 40

# The first of these that a table has is the one worth a histogram.
_PLOTTED = ("verdict", "completion_tokens", *SCORES, "conversations", "question")


def metadata(made: Made) -> dict[str, Any]:
    """Dagster metadata of one materialisation. Plain numbers become plots over time."""
    record, version = made.version.record, made.version
    numbers: dict[str, Any] = {
        "dagster/row_count": version.rows,
        "rows_in": record["rows_in"],
        "rows_out": version.rows,
        "rows_dropped": record["rows_dropped"],
        "seconds": round(made.seconds, 3),
    }
    if all_rows := version.rows + record["rows_dropped"]:
        numbers["keep_rate"] = round(version.rows / all_rows, 4)
    if made.node.recipe:
        numbers[SCALE] = made.scale
    why: dict[str, Any] = {"because": made.because or "unchanged", "reused": made.reused}
    if record["dropped"]:
        why["dropped"] = dg.MetadataValue.md(_table(["reason", "rows"], sorted(record["dropped"].items())))
    return why | numbers | _usage(made) | _shown(made) | _pictures(made) | _provenance(made)


def _shown(made: Made) -> dict[str, Any]:
    """The first rows that came with the checks, under the check's name; the check itself has all of them."""
    return {
        check.name: rows_shown([dict(list(row.items())[:_CHECK_COLUMNS]) for row in check.shown[:_CHECK_ROWS]])
        for check in made.checks
        if check.shown
    }


def rows_shown(rows: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Rows as the UI shows a table; what a row lacks is empty there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    records = [dg.TableRecord({name: _cell(row.get(name)) for name in names}) for row in rows]
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name, "string") for name in names]))


def _provenance(made: Made) -> dict[str, Any]:
    """Where the table lies, and all that it was made of."""
    record, version = made.version.record, made.version
    told: dict[str, Any] = {
        "version": version.version,
        "dagster/uri": str(version.path),
        "dagster/column_schema": _schema(version.scan().collect_schema()),
        INPUTS: dg.MetadataValue.json({"/".join(key): version_.version for key, version_ in made.inputs}),
        "choice": dg.MetadataValue.json(record["choice"]),
        "trail": dg.MetadataValue.json(record["trail"]),
    }
    if record["models"]:
        told["models"] = dg.MetadataValue.json(record["models"])
    if sandboxes := record.get("sandboxes"):
        told["sandbox"] = sandboxes[0]
    if made.node.source:
        told["source"] = dg.MetadataValue.json(record["sources"][0])
        told[REVISION] = record["sources"][0]["revision"]
        told[ORIGIN] = made.node.source.url
    return told


def _usage(made: Made) -> dict[str, Any]:
    usage = made.usage
    if not usage.requested:
        return {}
    told: dict[str, Any] = {
        "requests": usage.requested,
        "requests_reused": usage.reused,
        "requests_answered": usage.answered,
        "requests_failed": usage.failed,
        "requests_pending": usage.pending,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "tokens_per_second": round(usage.tokens_per_second, 1),
        "tokens_per_second_read": round(usage.prompt_tokens / usage.waited, 1) if usage.waited else 0.0,
        "partial": usage.partial,
    }
    if usage.price.known:
        told["money"] = round(usage.money, 4)
    if usage.reasons:
        told["failures"] = dg.MetadataValue.md(_table(["failure", "requests"], usage.reasons.most_common()))
    return told


def _pictures(made: Made) -> dict[str, Any]:
    if made.node.stage == "scoreboard":
        return _board(made.version.scan().collect(engine="streaming"))
    scan = made.version.scan()
    names = scan.collect_schema().names()
    pictures: dict[str, Any] = {}
    column = next((name for name in _PLOTTED if name in names), None)
    if column:
        values = scan.head(_PLOT_ROWS).select(_plotted(column)).collect(engine="streaming").to_series()
        title, lines, numbers = _histogram(column, values)
        pictures["histogram"] = dg.MetadataValue.md(f"**{title}**\n\n```\n{lines}\n```")
        pictures |= numbers
    if made.node.stage == "scores":
        pictures |= _benchmark_scores(scan)
    return pictures | {"preview": _preview(scan.head(_PREVIEW_ROWS).collect())}


def _board(board: pl.DataFrame) -> dict[str, Any]:
    """The scoreboard: who wins, the scores by benchmark, and the pictures. What is long the UI shows at a click."""
    shown: dict[str, Any] = {
        "standing": dg.MetadataValue.md(f"```\n{boards.sketch(board, wide=21)}\n```"),
        "board": dg.MetadataValue.md(boards.markdown([boards.told(row) for row in boards.variants(board)])),
        "benchmarks": dg.MetadataValue.md(boards.markdown(boards.by_benchmark(board))),
    }
    chosen = [row for row in boards.variants(board) if row["chosen"]]
    if chosen:
        shown |= {"chosen": chosen[0]["variant"], "chosen_score": round(chosen[0]["score"], 2)}
    drawn = boards.drawn(board)
    return shown | {name: dg.MetadataValue.md(image(svg, name.replace("_", " "))) for name, svg in drawn.items()}


def _benchmark_scores(scan: pl.LazyFrame) -> dict[str, Any]:
    """What a variant scored, by benchmark, over its seeds."""
    right = (100 * pl.col("right").mean()).round(2)
    found = scan.group_by("benchmark", "held_out").agg(
        right.alias("score"), pl.len().alias("answers"), pl.col("question_id").n_unique().alias("questions")
    )
    rows = found.sort("held_out", "benchmark").collect(engine="streaming")
    dev = rows.filter(~pl.col("held_out"))["score"].mean()
    told = {"scores": dg.MetadataValue.md(_table(rows.columns, rows.rows()))}
    return told | ({} if dev is None else {"dev_score": round(float(dev), 2)})  # type: ignore[arg-type]


def _plotted(column: str) -> pl.Expr:
    """What is plotted of a column: texts by their length, so that only numbers are held in memory."""
    if column == "conversations":
        return pl.col(column).list.last().struct.field("value").str.len_chars()
    return pl.col(column).str.len_chars() if column == "question" else pl.col(column)


def _histogram(column: str, values: pl.Series) -> tuple[str, str, dict[str, float]]:
    """(title, text bars, numbers worth plotting over time)."""
    if column == "verdict":
        counts = values.value_counts(sort=True)
        rate = (values == "right").mean() or 0.0
        return "verdicts", bars(list(counts.iter_rows())), {"verified_rate": round(float(rate), 4)}  # type: ignore[arg-type]
    title = {"conversations": "characters of the last turn", "question": "characters of the question"}.get(column)
    if title:
        return title, bars(_bins(values)), {"mean_characters": _mean(values)}
    return column.replace("_", " "), bars(_bins(values)), {f"mean_{column}": _mean(values)}


def bars(counts: list[tuple[Any, int]]) -> str:
    """A bar a line: label, bar, count."""
    if not counts:
        return "(no rows)"
    most = max(count for _, count in counts) or 1
    wide = max(len(str(label)) for label, _ in counts)
    return "\n".join(
        f"{label!s:>{wide}} {'█' * math.ceil(_BAR_WIDTH * count / most):<{_BAR_WIDTH}} {count:,}"
        for label, count in counts
    )


def _bins(values: pl.Series) -> list[tuple[str, int]]:
    values = values.drop_nulls()
    if values.is_empty():
        return []
    if values.dtype.is_float():
        return _fine_bins(values)
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    width = max(1, math.ceil((high - low + 1) / _BARS))
    counts = dict(((values - low) // width).value_counts().iter_rows())
    return [
        (f"{low + i * width}-{low + (i + 1) * width - 1}", counts.get(i, 0)) for i in range((high - low) // width + 1)
    ]


def _fine_bins(values: pl.Series) -> list[tuple[str, int]]:
    """Bins of scores, which may all lie between 0 and 1."""
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    width = (high - low) / _BARS or 1.0
    places = ((values - low) / width).cast(pl.Int64).clip(0, _BARS - 1)
    counts = dict(places.value_counts().iter_rows())
    return [(f"{low + i * width:.3g}", counts.get(i, 0)) for i in range(_BARS if high > low else 1)]


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    return round(float(mean), 1) if mean is not None else 0.0  # type: ignore[arg-type]


def _preview(frame: pl.DataFrame) -> dg.TableMetadataValue:
    """The first rows, as a person reads them: few columns, and none that is empty in all of them."""
    told = [name for name in frame.columns if name not in _PREVIEW_NEVER and frame[name].null_count() < frame.height]
    names = [name for name in _PREVIEW_FIRST if name in told]
    names += [name for name in told if name not in names]
    names = (names or frame.columns)[:_PREVIEW_COLUMNS]
    records = [dg.TableRecord({name: _cell(row[name]) for name in names}) for row in frame.iter_rows(named=True)]
    columns = [dg.TableColumn(name, "string") for name in names]
    return dg.MetadataValue.table(records or [dg.TableRecord(dict.fromkeys(names, ""))], dg.TableSchema(columns))


def _cell(value: Any) -> str | int | float | bool:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= _PREVIEW_CHARACTERS else text[: _PREVIEW_CHARACTERS - 1] + "…"


def _schema(schema: pl.Schema) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, str(dtype)) for name, dtype in schema.items()])


def _table(header: list[str], rows: list[tuple[Any, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(f"{cell}" for cell in row) + " |" for row in rows])
