"""`ot sql` and `ot ledger`."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import duckdb

from ot_assets.lineage.explain import printable
from ot_resources.environments import data_root
from ot_resources.generators.ledger import Ledger
from ot_resources.interfaces import BadInput
from ot_resources.warehouse import Warehouse


def run_query(query: str, as_json: bool) -> str:
    """The answer as a table, or as a JSON list of row objects. BadInput with DuckDB's own first line."""
    with Warehouse(root=str(data_root())).connect(ledger="ledger" in query) as connection:
        return _answer(connection, query, as_json)


def prompt() -> None:
    """Read statements that end in `;` and print their answers, until end of file. Tables made meanwhile are seen."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (gives input() its history and editing)
    print("DuckDB on every table: end a query with ';', leave with ctrl-d. 'show all tables;' lists them.")
    statement = ""
    while True:
        try:
            statement += input("...> " if statement else "sql> ") + "\n"
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if statement.rstrip().endswith(";"):
            try:
                print(run_query(statement, as_json=False))
            except BadInput as error:
                print(error)
            statement = ""


def _answer(connection: duckdb.DuckDBPyConnection, query: str, as_json: bool) -> str:
    try:
        relation = connection.sql(query)
        if relation is None:
            return "[]" if as_json else ""
        if as_json:
            return json.dumps(_rows(relation), default=str, ensure_ascii=False)
        return str(relation)
    except duckdb.Error as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        hint = next((line for line in lines[1:] if line.startswith(("Candidate", "Did you mean"))), "")
        raise BadInput(f"sql: {lines[0]}{'; ' + hint if hint else ''}") from None


def _rows(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    return [dict(zip(relation.columns, map(_as_json, row), strict=True)) for row in relation.fetchall()]


def _as_json(value: Any) -> Any:
    """The value as strict JSON knows it: NaN and infinity are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _as_json(inner) for key, inner in value.items()}
    return [_as_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def ledger_rows() -> list[dict[str, Any]]:
    """One row a stage and run. accepted: answers of that stage that its strategy kept (null while it runs).

    money: what was spent; null where nothing was, or no price was known.
    """
    folder = data_root() / "ledger"
    if not (folder / "segments").exists():
        return []
    with Warehouse(root=str(data_root())).connect() as connection:
        kept = {
            (run, asset): rows
            for run, asset, rows in connection.sql(
                "select run_id, asset, rows_out from lineage.materializations where not reused"
            ).fetchall()
        }
    with contextlib.closing(Ledger(folder)) as ledger:
        accounts = ledger.accounts()
    return [
        {
            "run": row["run_id"][:8],
            "asset": row["asset"],
            "requested": row["requested"],
            "reused": row["reused"],
            "answered": row["answered"],
            "accepted": kept.get((row["run_id"], row["asset"])),
            "failed": row["failed"],
            "pending": row["pending"],
            "completion_tokens": row["completion_tokens"],
            "seconds": round(row["seconds"], 1),
            "money": round(row["money"], 6) or None,
            "model": row["model"],
            "at": row["at"],
        }
        for row in accounts
    ]


def ledger_damages() -> list[str]:
    """Read the whole ledger; a line for each stretch that is no whole record."""
    folder = data_root() / "ledger"
    if not (folder / "segments").exists():
        return []
    with contextlib.closing(Ledger(folder)) as ledger:
        return [str(damage) for damage in ledger.damages()]


def table(rows: list[dict[str, Any]], empty: str) -> str:
    """Rows as aligned columns; numbers to the right."""
    if not rows:
        return empty
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    wide = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    right = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    lines = [[f"{c:>{w}}" if r else f"{c:<{w}}" for c, w, r in zip(line, wide, right, strict=True)] for line in cells]
    head = [f"{n:>{w}}" if r else f"{n:<{w}}" for n, w, r in zip(names, wide, right, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in [head, *lines])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else printable(str(value))
