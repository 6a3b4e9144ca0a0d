"""What the UI shows of a materialisation: counts, plots, schema, a preview, and why rows were dropped."""

from __future__ import annotations

import math
from typing import Any

import dagster as dg
import polars as pl

from ot_assets.graph.execute import Made
from ot_resources.digest import canonical_json

# Metadata of a source's table, and of what was observed of the source itself.
REVISION = "revision"

_PREVIEW_ROWS = 5
_PREVIEW_CHARACTERS = 300
_PLOT_ROWS = 100_000
_BARS = 12
_BAR_WIDTH = 40

# The first of these that a table has is the one worth a histogram.
_PLOTTED = ("verdict", "completion_tokens", "response_characters", "conversations", "question")


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
    told: dict[str, Any] = {
        "version": version.version,
        "reused": made.reused,
        "because": made.because or "unchanged",
        "choice": dg.MetadataValue.json(record["choice"]),
        "trail": dg.MetadataValue.json(record["trail"]),
        "dagster/uri": str(version.path),
        "dagster/column_schema": _schema(version.scan().collect_schema()),
    }
    if record["dropped"]:
        told["dropped"] = dg.MetadataValue.md(_table(["reason", "rows"], sorted(record["dropped"].items())))
    if record["models"]:
        told["models"] = dg.MetadataValue.json(record["models"])
    if made.node.recipe:
        told["scale"] = made.scale
    if made.node.source:
        told["source"] = dg.MetadataValue.json(record["sources"][0])
        told[REVISION] = record["sources"][0]["revision"]
    return numbers | _usage(made) | told | _pictures(made)


def _usage(made: Made) -> dict[str, Any]:
    usage = made.usage
    if not usage.requested:
        return {}
    return {
        "requests": usage.requested,
        "requests_reused": usage.reused,
        "requests_answered": usage.answered,
        "requests_failed": usage.failed,
        "completion_tokens": usage.completion_tokens,
        "tokens_per_second": round(usage.tokens_per_second, 1),
    }


def _pictures(made: Made) -> dict[str, Any]:
    scan = made.version.scan()
    names = scan.collect_schema().names()
    pictures: dict[str, Any] = {"preview": _preview(scan.head(_PREVIEW_ROWS).collect())}
    column = next((name for name in _PLOTTED if name in names), None)
    if column:
        values = scan.head(_PLOT_ROWS).select(_plotted(column)).collect(engine="streaming").to_series()
        title, lines, numbers = _histogram(column, values)
        pictures["histogram"] = dg.MetadataValue.md(f"**{title}**\n\n```\n{lines}\n```")
        pictures |= numbers
    return pictures


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
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    width = max(1, math.ceil((high - low + 1) / _BARS))
    counts = dict(((values - low) // width).value_counts().iter_rows())
    return [
        (f"{low + i * width}-{low + (i + 1) * width - 1}", counts.get(i, 0)) for i in range((high - low) // width + 1)
    ]


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    return round(float(mean), 1) if mean is not None else 0.0  # type: ignore[arg-type]


def _preview(frame: pl.DataFrame) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in frame.iter_rows(named=True)
    ]
    columns = [dg.TableColumn(name, "string") for name in frame.columns]
    return dg.MetadataValue.table(
        records or [dg.TableRecord(dict.fromkeys(frame.columns, ""))], dg.TableSchema(columns)
    )


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
