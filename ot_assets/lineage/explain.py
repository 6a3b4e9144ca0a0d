"""One row's whole story: every table it is in or was dropped from, why, and for which twin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from ot_assets.contracts import SCORES

if TYPE_CHECKING:
    from ot_resources.store import AssetName, Store, Version

_SHOWN = {
    "questions": ("source", "domain", "question", "reference", "extra"),
    "source": ("source", "domain", "question", "reference", "extra"),
    "filtered": SCORES,
    "answers": ("model", "reasoning", "answer", "finish_reason", "completion_tokens", "response_id"),
    "verified": ("verdict", "verdict_by", "verdict_reason"),
    "formatted": ("row_id",),
    "dataset": ("row_id",),
}


# Of a match: characters of the run itself and on either side of it, and the marks about it.
_RUN, _AROUND, _MARKS = 120, 40, ("⟦", "⟧")
# Evidence nested deeper than this is no evidence: printing it would exhaust the stack.
_DEPTH = 50
# What a removal's evidence says of its twin, told in an order of its own.
_OF_TWIN = ("rule", "score", "threshold", "against", "twin", "twin_text", "span", "matched")


def story(row_id: str, store: Store) -> list[dict[str, Any]]:
    """The row's appearances, in the order of each recipe's stages; empty when no table knows it.

    `row_id` is a `question_id`, or `question_id-sample`. Keys: asset, version, stage, strategy, params, status (kept or
    dropped), rows (several answers while no sample is named), fields; for a drop also reason, evidence, the twin, and
    `match`, the part of the question that the twin has too, marked in its surroundings.
    """
    tables = list(store.assets())
    question, sample = _parse(row_id)
    found = []
    for asset, version in sorted(tables, key=_order):
        event = _appearance(version, question, sample)
        if event:
            choice = version.record["choice"]
            event = {
                "asset": "/".join(asset),
                "version": version.version,
                "stage": choice["stage"],
                "strategy": choice["strategy"],
                "params": choice["params"],
            } | event
            if event["status"] == "dropped":
                _add_twin(event, tables)
            found.append(event)
    return found


def _parse(row_id: str) -> tuple[str, int | None]:
    """(question_id, sample); an id with a dash may also be a question's own."""
    question, dash, sample = row_id.rpartition("-")
    return (question, int(sample)) if dash and sample.isdecimal() and question else (row_id, None)


def _appearance(version: Version, question: str, sample: int | None) -> dict[str, Any] | None:
    for status, frame in (("kept", version.scan()), ("dropped", version.dropped())):
        rows = _matching(frame, question, sample)
        if rows.is_empty():
            continue
        row = rows.row(0, named=True)
        event: dict[str, Any] = {"status": status, "rows": rows.height}
        event["fields"] = {name: row[name] for name in _SHOWN.get(version.kind, ()) if row.get(name) is not None}
        if status == "dropped":
            event["reason"] = row["drop_reason"]
            event["evidence"] = evidence = evidence_of(row["drop_evidence"])
            if match := _marked(row.get("question"), evidence.get("span")):
                event["match"] = match
        if sample is None and rows.height > 1 and "verdict" in rows.columns and version.kind == "verified":
            event["verdicts"] = dict(rows["verdict"].value_counts(sort=True).iter_rows())
            event["fields"] = {}
        return event
    return None


def evidence_of(told: str | None) -> dict[str, Any]:
    """The evidence of a drop; of what is no JSON object, or one that nobody could print, the text itself."""
    try:
        evidence = json.loads(told or "{}")
    except (ValueError, RecursionError):
        evidence = told
    if _deep(evidence):
        evidence = told
    return evidence if isinstance(evidence, dict) else {"evidence": evidence}


def _deep(value: Any) -> bool:
    """Whether lists and objects are nested deeper than `_DEPTH`."""
    level = [value]
    for _ in range(_DEPTH):
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for items in inner for item in items]
    return bool(level)


def _marked(question: str | None, span: Any) -> str | None:
    """The span of the question between marks, with some characters on either side; None where there is no such span."""
    if not isinstance(span, list) or len(span) != 2 or not all(isinstance(place, int) for place in span):
        return None
    start, end = span
    if question is None or not 0 <= start < end <= len(question) or (start, end) == (0, len(question)):
        return None
    before, run, after = question[:start], question[start:end], question[end:]
    if len(run) > _RUN:
        run = f"{run[: _RUN // 2]}…{run[-_RUN // 2 :]}"
    head = before if len(before) <= _AROUND else "…" + before[-_AROUND:]
    tail = after if len(after) <= _AROUND else after[:_AROUND] + "…"
    return f"{head}{_MARKS[0]}{run}{_MARKS[1]}{tail}"


def _matching(frame: pl.LazyFrame, question: str, sample: int | None) -> pl.DataFrame:
    names = frame.collect_schema().names()
    if "question_id" in names:
        wanted = pl.col("question_id") == question
        if sample is not None and "sample" in names:
            wanted &= pl.col("sample") == sample
    elif "row_id" in names:
        whole = question if sample is None else f"{question}-{sample}"
        wanted = (pl.col("row_id") == whole) | (
            pl.col("row_id").str.starts_with(f"{question}-") if sample is None else pl.lit(False)
        )
    else:
        return pl.DataFrame()
    return frame.filter(wanted).collect(engine="streaming")


def _add_twin(event: dict[str, Any], tables: list[tuple[AssetName, Version]]) -> None:
    """The question that the row lost against, looked up where it still lives."""
    twin = event["evidence"].get("twin")
    if not twin:
        return
    recipe, against = event["asset"].split("/")[0], ("benchmarks", event["evidence"].get("against"))
    # What it was compared with goes first: a question may well have the id of its twin.
    for asset, version in sorted(tables, key=lambda table: table[0] != against):
        if asset[0] in (recipe, "benchmarks", "sources"):
            rows = _matching(version.scan(), str(twin), None)
            if not rows.is_empty() and "question" in rows.columns:
                event["twin"] = {"asset": "/".join(asset), "question": rows["question"][0]}
                return


def _order(table: tuple[AssetName, Version]) -> tuple[Any, ...]:
    """Sources first, then each recipe's tables by the length of the trail behind them."""
    asset, version = table
    trail = len(version.record["trail"])
    return (asset[0] not in ("sources", "benchmarks"), asset[0], len(asset) == 2, trail, asset[-1] != "questions")


def tell(row_id: str, events: list[dict[str, Any]]) -> str:
    """The story as text, a paragraph a table."""
    return "\n".join([f"{row_id}", *(_paragraph(event) for event in events)])


def _paragraph(event: dict[str, Any]) -> str:
    many = f" ({event['rows']} rows)" if event["rows"] > 1 else ""
    mark = "x" if event["status"] == "dropped" else "+"
    lines = [f"{mark} {event['asset']}{many}  [{event['stage']}: {event['strategy']}]"]
    if event["status"] == "dropped":
        lines.append(f"    dropped: {one_line(str(event['reason']))}")
        twin = "twin" in event["evidence"]
        lines += _removal(event) if twin else []
        rest = {name: value for name, value in event["evidence"].items() if not (twin and name in _OF_TWIN)}
        lines += [f"    {one_line(name)}: {one_line(str(value))}" for name, value in rest.items()]
    if "verdicts" in event:
        lines.append("    verdicts: " + ", ".join(f"{verdict} {count}" for verdict, count in event["verdicts"].items()))
    lines += [f"    {name}: {one_line(str(value))}" for name, value in event["fields"].items()]
    return "\n".join(lines)


def _removal(event: dict[str, Any]) -> list[str]:
    """Which question the row lost against, by what rule, and on what part of it."""
    evidence = event["evidence"]
    rule = [f"{evidence['rule']}"] if evidence.get("rule") else []
    rule += [f"{name} {evidence[name]}" for name in ("score", "threshold") if evidence.get(name) is not None]
    told = {"rule": ", ".join(rule), "benchmark": evidence.get("against"), "twin": evidence["twin"]}
    if "twin" in event:
        told[f"twin in {event['twin']['asset']}"] = event["twin"]["question"]
    else:
        told["twin's text"] = evidence.get("twin_text")
    told["matched"] = event.get("match") or evidence.get("matched")
    return [f"    {name}: {one_line(str(value))}" for name, value in told.items() if value]


def one_line(text: str, characters: int = 200) -> str:
    """A line of a text, cut to so many characters where they end: not every script has spaces."""
    line = " ".join(printable(text).split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


def printable(text: str) -> str:
    """The text without control characters: a row must not steer the terminal that shows it."""
    return "".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)
