"""Sources and benchmarks by name, and what a recipe may write in place of a name.

The catalogue is data: `catalogue/sources.yaml` and `catalogue/benchmarks.yaml`, one entry a table, each saying where
its schema was read (`verified`) or that nobody has read it yet.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from ot_assets.contracts import DOMAINS
from ot_assets.strategies.sources.mapped import Mapping
from ot_assets.strategies.sources.paths import unfold
from ot_resources.digest import short_hash
from ot_resources.files import find_files, scan_files
from ot_resources.interfaces import BadInput

_FOLDER = Path(__file__).parent / "catalogue"
_ID = re.compile(r"[a-z0-9][a-z0-9_]{0,79}")
_MAPPING = ("question", "key", "reference", "tests", "imported", "extra")
_ENTRY = ("dataset", "config", "split", "domain", "rows", "licence", "verified", "note", "stand_in")


@dataclass(frozen=True)
class SourceSpec:
    """A table from outside: where it is, and how its columns become a question's."""

    id: str
    kind: Literal["sources", "benchmarks"]
    use: str
    domain: str | None
    mapping: Mapping
    where: str
    stand_in: Mapping | None = None
    dataset: str = ""
    config: str | None = None
    split: str = "train"
    path: str = ""
    licence: str | None = None
    verified: str | None = None
    url: str = ""
    published_rows: int | None = None
    note: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.id)

    def read_as(self, stand_in: bool) -> Mapping:
        """The mapping; a stand-in may have columns that the original lacks."""
        return self.stand_in if stand_in and self.stand_in else self.mapping

    def files(self) -> tuple[Path, ...]:
        """The files as they are now: a folder or a glob may have gained some. BadInput when there is none."""
        return find_files(self.path, self.where)

    def params(self, stand_in: bool) -> dict[str, Any]:
        """What bears identity: the mapping and what is read, not where a file lies."""
        place = {"dataset": self.dataset, "config": self.config, "split": self.split} if self.dataset else {}
        mapping = self.read_as(stand_in).model_dump(mode="json", exclude_defaults=True)
        return {"id": self.id, "domain": self.domain, "mapping": mapping} | place


def read_source(item: Any, base: Path, where: str, domain: str | None) -> SourceSpec:
    """A source named in a recipe: a catalogue id, `{use: id, ...}` or `{use: files, path: ..., question: ...}`."""
    spec = _read(item, base, where, "sources")
    if spec.domain is None and spec.mapping.domain is None:
        if domain is None:
            raise BadInput(f"{where}: say which domain: add 'domain: math' (or {', '.join(DOMAINS[1:])}, or a column)")
        spec = replace(spec, domain=domain)
    return spec


def read_benchmark(item: Any, base: Path, where: str) -> SourceSpec:
    """A benchmark named in a recipe: a catalogue id or `{path: ..., question: ...}`."""
    return _read(item, base, where, "benchmarks")


@cache
def catalogue(kind: str) -> dict[str, dict[str, Any]]:
    """All entries of `sources` or `benchmarks`, by id."""
    return yaml.safe_load((_FOLDER / f"{kind}.yaml").read_text(encoding="utf-8")) or {}


def _read(item: Any, base: Path, where: str, kind: Literal["sources", "benchmarks"]) -> SourceSpec:
    entry = {"use": item} if isinstance(item, str) else item
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: a name of the catalogue or a mapping, not {item!r}")
    if "path" in entry or entry.get("use") == "files":
        return _files({"use": "files"} | entry, base, where, kind)
    name = entry.get("use")
    entries = catalogue(kind)
    if name not in entries:
        near = difflib.get_close_matches(str(name), entries, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there is: files, {', '.join(sorted(entries))}"
        raise BadInput(f"{where}: unknown {kind[:-1]} '{name}'; {hint}")
    if unknown := set(entry) - {"use"}:
        raise BadInput(
            f"{where}: '{unknown.pop()}' cannot be set for a source of the catalogue; use 'files' for your own"
        )
    return _hub(str(name), entries[name], where, kind)


def _hub(name: str, entry: dict[str, Any], where: str, kind: Literal["sources", "benchmarks"]) -> SourceSpec:
    entry_at = f"{kind}.yaml: {name}"
    _check_keys(entry, {*_ENTRY, *_MAPPING}, entry_at)
    for key in ("dataset", "question"):
        if not isinstance(entry.get(key), str):
            raise BadInput(f"{entry_at}: '{key}' is missing")
    if entry.get("domain") not in (None, *DOMAINS):
        raise BadInput(f"{entry_at}.domain: {entry['domain']!r} is no domain; there is: {', '.join(DOMAINS)}")
    return SourceSpec(
        id=name,
        kind=kind,
        use=name,
        domain=entry.get("domain"),
        mapping=_mapping(entry, where),
        stand_in=_mapping(entry | entry["stand_in"], where) if "stand_in" in entry else None,
        where=where,
        dataset=entry["dataset"],
        config=entry.get("config"),
        split=entry.get("split", "train"),
        licence=entry.get("licence"),
        verified=entry.get("verified"),
        url=f"https://huggingface.co/datasets/{entry['dataset']}",
        published_rows=entry.get("rows"),
        note=entry.get("note", ""),
    )


def _files(entry: dict[str, Any], base: Path, where: str, kind: Literal["sources", "benchmarks"]) -> SourceSpec:
    _check_keys(entry, {"use", "path", "id", "domain", "licence", *_MAPPING}, where)
    for key in ("path", "question"):
        if not isinstance(entry.get(key), str):
            raise BadInput(f"{where}: '{key}' is missing; files need 'path' and the name of their 'question' column")
    domain = entry.get("domain")
    fixed = domain is None or domain in DOMAINS
    path = os.path.abspath(base / entry["path"])  # noqa: PTH100 - without following links: they may change
    name = entry.get("id") or re.sub(r"[^a-z0-9]+", "_", Path(entry["path"]).stem.lower()).strip("_") or "files"
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise BadInput(f"{where}.id: {name!r} must be up to 80 lower case letters, digits and '_'")
    return SourceSpec(
        id=name if entry.get("id") else f"{name}_{short_hash([entry['path']])[:6]}",
        kind=kind,
        use="files",
        domain=domain if fixed else None,
        mapping=_mapping(entry | {"domain_column": None if fixed else domain}, where),
        where=where,
        path=path,
        licence=entry.get("licence"),
        url=path,
    )


def _check_keys(entry: dict[str, Any], known: set[str], where: str) -> None:
    for key in entry:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(sorted(known))}"
            raise BadInput(f"{where}: unknown key '{key}'; {hint}")


def check_files(spec: SourceSpec) -> None:
    """Look at the files of a source. BadInput: none is there, or one cannot be read, or lacks a column."""
    if not spec.path:
        return
    paths, where = spec.files(), spec.where
    table = scan_files(paths, where)
    columns = table.collect_schema().names()
    found = unfold(table, spec.mapping.named().values()).collect_schema()
    for role, column in spec.mapping.named().items():
        if column not in found and role == "domain":
            raise BadInput(f"{where}.domain: '{column}' is neither a domain ({', '.join(DOMAINS)}) nor a column")
        if column not in found:
            raise BadInput(f"{where}.{role}: {paths[0]} has no column '{column}'; it has: {', '.join(columns)}")


def _mapping(entry: dict[str, Any], where: str) -> Mapping:
    given = {name: entry[name] for name in _MAPPING if entry.get(name) is not None}
    try:
        return Mapping.model_validate(given | {"domain": entry.get("domain_column")})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from None
