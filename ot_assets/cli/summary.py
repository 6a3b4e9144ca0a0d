"""What a run ends with: the funnel, a few rows, the choices that made the dataset, and where to look next."""

from __future__ import annotations

import textwrap

from ot_assets.cli.listing import told
from ot_assets.cli.query import table
from ot_assets.lineage.explain import printable
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import Node
from ot_resources.environments import data_root
from ot_resources.store import Store
from ot_resources.warehouse import Warehouse

_CHARACTERS = 70


def summary(recipe: Recipe, nodes: list[Node]) -> str:
    """The text at the end of `ot materialize`."""
    store = Store(root=str(data_root()))
    parts = [_funnel(store, recipe, nodes)]
    if any(node.key == (recipe.name, "dataset") for node in nodes):
        with Warehouse(root=str(data_root())).connect() as connection:
            parts.append(_rows(connection, recipe))
            parts.append(_choices(connection, recipe))
        parts.append(_next(recipe))
    return "\n\n".join(parts)


def _name(node: Node, recipe: Recipe) -> str:
    """The table by track and asset; what belongs to another recipe by its whole name."""
    return "/".join(node.key[1:]) if node.key[0] == recipe.name else node.name


def _funnel(store: Store, recipe: Recipe, nodes: list[Node]) -> str:
    rows = []
    for node in nodes:
        version = store.latest(node.key)
        if node.key[0] == "benchmarks" or version is None:
            continue
        record = version.record
        rows.append(
            {
                "table": _name(node, recipe),
                "strategy": node.use,
                "in": record["rows_in"],
                "kept": record["rows_out"],
                "dropped": record["rows_dropped"],
                "published": told(node.published),
                "why": ", ".join(f"{reason} {count:,}" for reason, count in record["dropped"].items()),
            }
        )
    return "The funnel (rows)\n" + _indent(table(rows, empty="nothing was made"))


def _rows(connection, recipe: Recipe) -> str:  # type: ignore[no-untyped-def]
    found = connection.sql(
        f"""select row_id, domain, source, verdict, problem, solution from "{recipe.name}".metadata
            order by row_number() over (partition by domain order by row_id), domain limit 5"""
    )
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    for row in rows:
        for name in ("problem", "solution"):
            row[name] = _cut(printable(" ".join((row[name] or "").split())), _CHARACTERS // 2)
    return f"Five rows ({recipe.name}.metadata)\n" + _indent(table(rows, empty="no rows"))


def _choices(connection, recipe: Recipe) -> str:  # type: ignore[no-untyped-def]
    query = f"""select recipe, track, stage, strategy, params, because->>'study' as study from lineage.choices
where dataset = '{recipe.name}/dataset' and is_current order by recipe = '{recipe.name}', recipe, track, position"""
    found = connection.sql(query)
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    needless = {"recipe"} if all(row["recipe"] == recipe.name for row in rows) else set()
    needless |= {"study"} if all(row["study"] is None for row in rows) else set()
    rows = [{name: value for name, value in row.items() if name not in needless} for row in rows]
    for row in rows:
        row["params"] = _cut(row["params"] or "", _CHARACTERS)
    return f"The choices that made it ({' '.join(query.split())})\n" + _indent(table(rows, empty="none"))


def _next(recipe: Recipe) -> str:
    track = recipe.tracks[0]
    table = f"{recipe.name}.{track.name}_{track.choices[0].asset}"
    return f"""Where to look next
  make dev                                   the graph in the browser, on http://localhost:3000
  make sql                                   a DuckDB prompt on every table
  .venv/bin/ot sql "select drop_reason, count(*) from {table}__dropped group by all"
  .venv/bin/ot sql "select verdict, count(*) from {recipe.name}.metadata group by all"
  .venv/bin/ot explain ROW_ID                one row's whole story; ids are above
  .venv/bin/ot ledger                        what the teacher was asked"""


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _indent(text: str) -> str:
    return textwrap.indent(text, "  ")
