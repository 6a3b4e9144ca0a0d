"""The DuckDB catalogue: views over the store's Parquet files, one schema a recipe.

The file holds views only. It is rebuilt beside and swapped by rename, so that nobody who holds the old one open blocks
a run, and no run blocks them. `connect` gives the same catalogue in memory, with the ledger's newest responses as well.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import duckdb
from pydantic import Field, PrivateAttr

from ot_resources.generators.exporting import COLUMNS, export, exported
from ot_resources.generators.ledger import Ledger
from ot_resources.store import AssetName, Store, Version
from ot_resources.unfinished import beside

log = logging.getLogger("ot.warehouse")

# The schema of a line in runs/<run_id>.json, as far as SQL reads it.
_RUN_LINE = {
    "asset": "VARCHAR",
    "version": "VARCHAR",
    "run_id": "VARCHAR",
    "at": "TIMESTAMPTZ",
    "recipe": "VARCHAR",
    "track": "VARCHAR",
    "stage": "VARCHAR",
    "strategy": "VARCHAR",
    "strategy_version": "BIGINT",
    "params": "JSON",
    "rows_in": "BIGINT",
    "rows_out": "BIGINT",
    "rows_dropped": "BIGINT",
    "dropped": "MAP(VARCHAR, BIGINT)",
    "seconds": "DOUBLE",
    "reused": "BOOLEAN",
    "model": "VARCHAR",
    "inputs": "STRUCT(asset VARCHAR, version VARCHAR)[]",
    "choices": "STRUCT(recipe VARCHAR, track VARCHAR, position BIGINT, stage VARCHAR, strategy VARCHAR, "
    "strategy_version BIGINT, params JSON, because JSON)[]",
}

# DuckDB's own; a table that came under such a name must not hide all others.
_NOT_SCHEMAS = frozenset({"main", "temp", "system", "memory", "warehouse", "information_schema", "pg_catalog"})

_LINEAGE = """
create view lineage.materializations as
    select asset, version, run_id, "at", recipe, track, stage, strategy, strategy_version, params,
           rows_in, rows_out, rows_dropped, dropped as dropped_by_reason, seconds, reused, model
    from lineage.runs;
create view lineage.inputs as
    select distinct asset, version, input.asset as input_asset, input.version as input_version
    from (select asset, version, unnest(inputs) as input from lineage.runs);
create view lineage.choices as
    select distinct dataset, dataset_version, choice.recipe, choice.track, choice.stage, choice.strategy,
           choice.strategy_version, choice.params, choice.because, choice.position,
           dataset_version = current_version as is_current
    from (select asset as dataset, version as dataset_version, unnest(choices) as choice from (
        -- What justifies a choice may be told anew without making the table anew: the last word counts.
        from lineage.runs where len(choices) > 0
        qualify row_number() over (partition by asset, version order by "at" desc) = 1))
    left join (select asset as dataset, version as current_version from lineage.current) using (dataset);
"""

# Evidence may be any text: what is no JSON, or names no twin, has no row here.
_TWINS = """
create view lineage.twins as
    select asset, version, question_id, source, told->>'rule' as rule, try_cast(told->>'score' as double) as score,
           try_cast(told->>'threshold' as double) as threshold, told->>'twin' as twin, told->>'twin_text' as twin_text,
           told->>'against' as against, told->>'matched' as matched,
           try_cast(told->'span'->>0 as bigint) as span_start, try_cast(told->'span'->>1 as bigint) as span_end
    from (select *, try_cast(drop_evidence as json) as told from lineage.drops)
    where (told->>'twin') is not null;
"""

_DISAGREEMENTS = """
create view "{schema}"."{name}__disagreements" as
    from "{schema}"."{name}"
    where list_contains(list_transform(verdicts, lambda v: v.verdict), 'right')
      and list_contains(list_transform(verdicts, lambda v: v.verdict), 'wrong');
"""


def _several_verdicts(version: Version) -> bool:
    """Whether several checkers judged the rows; only tables of verdicts are opened to see that."""
    verify = (version.record.get("choice") or {}).get("stage") == "verify"
    return verify and "verdicts" in version.scan().collect_schema()


class Warehouse(dg.ConfigurableResource):  # type: ignore[type-arg]
    """DuckDB over every table of the store: <recipe>.<track>_<asset>, sources.*, benchmarks.*, lineage.*, ledger.*."""

    root: str = Field(description="Folder that runs write to (OT_DATA). The catalogue is its warehouse.duckdb.")
    share: float = Field(
        default=0.05, gt=0, le=1, description="Share of a run's time that refreshing the catalogue may take."
    )

    _published: float = PrivateAttr(-math.inf)
    _cost: float = PrivateAttr(0.0)

    @property
    def file(self) -> Path:
        return Path(self.root) / "warehouse.duckdb"

    def refresh(self) -> None:
        """Publish, unless that was done so lately that another time would cost more than its share."""
        if time.monotonic() - self._published > self._cost / self.share:
            self.publish()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        self.publish()

    def publish(self) -> None:
        """Rebuild warehouse.duckdb and swap it in. Responses that are not yet in Parquet are copied first."""
        started = time.monotonic()
        self._export(join=True)
        self._build()
        self._published = time.monotonic()
        self._cost = self._published - started

    def _build(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = beside(self.file)
        try:
            with duckdb.connect(str(temporary)) as connection:
                self._define(connection)
            temporary.replace(self.file)
        finally:
            temporary.unlink(missing_ok=True)

    def connect(self, ledger: bool = False) -> duckdb.DuckDBPyConnection:
        """The catalogue in memory; with `ledger`, including the newest responses, which are not yet in Parquet."""
        connection = duckdb.connect()
        self._define(connection)
        if ledger:
            self._export()
            connection.execute(f"create or replace view ledger.responses as {self._exported_responses()};")
        return connection

    def _export(self, join: bool = False) -> None:
        folder = Path(self.root) / "ledger"
        if (folder / "segments").exists():
            with closing(Ledger(folder)) as ledger:
                export(ledger, join)

    def _define(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create all schemas and views."""
        connection.execute("begin")
        for statement in self._statements():
            connection.execute(statement)
        connection.execute("commit")

    def _statements(self) -> Iterator[str]:
        assets = _presentable(Store(root=self.root).assets())
        for schema in sorted({"lineage", "ledger", "sources", "benchmarks", *(asset[0] for asset, _ in assets)}):
            yield f'create schema if not exists "{schema}";'
        for asset, version in assets:
            schema, name = asset[0], "_".join(asset[1:])
            yield f'create view "{schema}"."{name}" as from read_parquet({_text(version.path / "part-*.parquet")});'
            dropped = _text(version.path / "dropped.parquet")
            yield f'create view "{schema}"."{name}__dropped" as from read_parquet({dropped});'
            if _several_verdicts(version):
                yield _DISAGREEMENTS.format(schema=schema, name=name)
        yield f"create view lineage.runs as {self._run_lines()};"
        yield f"create view lineage.current as {_current(assets)};"
        yield _LINEAGE
        yield f"create view lineage.drops as {_drops(assets)};"
        yield _TWINS
        yield f"create view ledger.responses as {self._exported_responses()};"

    def _run_lines(self) -> str:
        folder = Path(self.root) / "runs"
        columns = ", ".join(f"'{name}': '{dtype}'" for name, dtype in _RUN_LINE.items())
        if not any(folder.glob("*.json")):
            return _empty(_RUN_LINE)
        files = _text(folder / "*.json")
        return (
            f"from read_json({files}, format = 'newline_delimited', columns = {{{columns}}},"
            " ignore_errors = true, maximum_object_size = 67108864)"
        )

    def _exported_responses(self) -> str:
        files = exported(Path(self.root) / "ledger")
        if not files:
            return _empty({name: "BIGINT" if t.is_integer() else "VARCHAR" for name, t in COLUMNS.items()})
        return f"select * from read_parquet([{', '.join(map(_text, files))}])"


def _presentable(assets: Iterable[tuple[AssetName, Version]]) -> list[tuple[AssetName, Version]]:
    """The tables that have a name of their own in SQL, whatever their case; the others are told and left out."""
    found: dict[str, tuple[AssetName, Version]] = {}
    for asset, version in assets:
        view = f"{asset[0]}.{'_'.join(asset[1:])}".lower()
        if view in found or asset[0].lower() in _NOT_SCHEMAS:
            log.warning("catalogue: %s has no name of its own in SQL and is left out", "/".join(asset))
        else:
            found[view] = (asset, version)
    return list(found.values())


def _current(assets: list[tuple[AssetName, Version]]) -> str:
    rows = ", ".join(f"({_text('/'.join(asset))}, {_text(version.version)})" for asset, version in assets)
    if not rows:
        return _empty({"asset": "VARCHAR", "version": "VARCHAR"})
    return f"select * from (values {rows}) as t(asset, version)"


def _drops(assets: list[tuple[AssetName, Version]]) -> str:
    columns = {
        "asset": "VARCHAR",
        "version": "VARCHAR",
        "question_id": "VARCHAR",
        "sample": "BIGINT",
        "drop_reason": "VARCHAR",
        "drop_evidence": "VARCHAR",
        "source": "VARCHAR",
    }
    parts = [_empty(columns)]
    for asset, version in assets:
        if version.record["rows_dropped"]:
            file = _text(version.path / "dropped.parquet")
            parts.append(
                f"select {_text('/'.join(asset))} as asset, {_text(version.version)} as version,"
                f" columns('^(question_id|sample|drop_reason|drop_evidence|source)$') from read_parquet({file})"
            )
    return " union all by name ".join(parts)


def _empty(columns: dict[str, str]) -> str:
    return "select " + ", ".join(f'null::{dtype} as "{name}"' for name, dtype in columns.items()) + " where false"


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
