"""Sources and benchmarks by name, and what a recipe may write in place of a name.

The catalogue is data: `catalogue/sources.yaml` (what the recipes read), `catalogue/study.yaml` (the other candidates of
the sourcing study) and `catalogue/benchmarks.yaml`, one entry a table, each saying where its schema was read
(`verified`) or that nobody has read it yet. `catalogue/groups.yaml` names benchmarks that go together.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from ot_assets.contracts import DOMAINS
from ot_assets.recipes.yaml_text import parse
from ot_assets.strategies.sources.mapped import Mapping
from ot_assets.strategies.sources.paths import unfold
from ot_resources import readers
from ot_resources.digest import short_hash
from ot_resources.files import OTHER_SHAPES, TABLES, find_files, scan_files
from ot_resources.interfaces import BadInput

_FOLDER = Path(__file__).parent / "catalogue"
_ID = re.compile(r"[a-z0-9][a-z0-9_]{0,79}")
_SPLIT = re.compile(r"\w[\w.-]{0,79}")
_MAPPING = ("question", "options", "key", "reference", "tests", "imported", "only", "error", "extra")
_ENTRY = (
    *("dataset", "config", "split", "files", "revision", "domain", "rows"),
    *("licence", "verified", "note", "stand_in", "study"),
)
# What a recipe may say of a catalogue entry: a part of it goes by an id of its own.
_OVERRIDES = ("use", "id", "domain", "split", "only")
_FILES = ("use", "path", "id", "domain", "licence", "reader")


@dataclass(frozen=True)
class SourceSpec:
    """A table from outside: where it is, and how its columns become a question's.

    A Hub dataset is read as its table, or as files of its repository (`repository_files`) where it has none. `reader`
    are options of the reader of a file that is no table (a dump, a PDF). `revision` is a commit of the Hub dataset that
    was read somewhere: it is locked at first contact, instead of the newest.
    """

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
    revision: str | None = None
    repository_files: str = ""
    path: str = ""
    reader: dict[str, Any] = field(default_factory=dict)
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
        place: dict[str, Any] = {}
        if self.dataset:
            place = {"dataset": self.dataset, "config": self.config, "split": self.split}
        if self.repository_files:
            place["files"] = self.repository_files
        if self.reader:
            place["reader"] = self.reader
        if self.repository_files or (self.path and Path(self.path).suffix not in TABLES):
            place["readers"] = readers.VERSION
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
    names = ("sources", "study") if kind == "sources" else (kind,)
    files = [_FOLDER / f"{name}.yaml" for name in names]
    entries: dict[str, dict[str, Any]] = {}
    for file in files:
        for name, entry in (parse(file.read_text(encoding="utf-8")) or {}).items():
            if name in entries:
                raise BadInput(f"{file.name}: '{name}' is also in another file of the catalogue")
            entries[name] = entry
    return entries


@cache
def groups() -> dict[str, list[str]]:
    """The groups of benchmarks, each with the ids of its members."""
    found = parse((_FOLDER / "groups.yaml").read_text(encoding="utf-8"))
    known = catalogue("benchmarks")
    for name, members in found.items():
        strange = [member for member in members if member not in known] or [name] * (name in known)
        if strange:
            raise BadInput(f"groups.yaml: {name}: '{strange[0]}' must be a benchmark, and no group")
    return dict(found)


def _read(item: Any, base: Path, where: str, kind: Literal["sources", "benchmarks"]) -> SourceSpec:
    entry = {"use": item} if isinstance(item, str) else item
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: a name of the catalogue or a mapping, not a {type(item).__name__}")
    if not isinstance(entry.get("use", "files"), str):
        raise BadInput(f"{where}.use: a name of the catalogue, or 'files'")
    if "path" in entry and entry.get("use", "files") != "files":
        raise BadInput(f"{where}: '{entry['use']}' of the catalogue has no 'path'; files of your own are 'use: files'")
    if "path" in entry or entry.get("use") == "files":
        return _files({"use": "files"} | entry, base, where, kind)
    name = entry.get("use")
    entries = catalogue(kind)
    if name not in entries:
        known = sorted(entries) + (list(groups()) if kind == "benchmarks" else [])
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there is: files, {', '.join(known)}"
        raise BadInput(f"{where}: unknown {kind[:-1]} '{name}'; {hint}")
    given = {key: value for key, value in entry.items() if key != "use"}
    if unknown := set(given) - set(_OVERRIDES):
        raise BadInput(
            f"{where}: '{unknown.pop()}' cannot be set for a source of the catalogue ({', '.join(_OVERRIDES)} can);"
            " use 'files' for your own"
        )
    if given and not _is_id(given.get("id")):
        raise BadInput(f"{where}: a part of a source, or one read otherwise, needs an 'id' of its own")
    if given.get("id") in entries:
        raise BadInput(f"{where}.id: '{given['id']}' is the id of a whole source of the catalogue; choose another")
    # What the recipe says goes before what the catalogue does, also for the stand-in.
    told = entries[name] | {key: value for key, value in given.items() if key != "id"}
    return _hub(str(name), given.get("id", str(name)), told, where, kind)


def _is_id(name: Any) -> bool:
    return isinstance(name, str) and _ID.fullmatch(name) is not None


def _hub(name: str, id_: str, entry: dict[str, Any], where: str, kind: Literal["sources", "benchmarks"]) -> SourceSpec:
    entry_at = f"{kind}.yaml: {name}"
    check_keys(entry, {*_ENTRY, *_MAPPING}, entry_at)
    for key in ("dataset", "question"):
        if not isinstance(entry.get(key), str):
            raise BadInput(f"{entry_at}: '{key}' is missing")
    if not isinstance(entry.get("domain"), str | None) or entry.get("domain") not in (None, *DOMAINS):
        raise BadInput(f"{entry_at}.domain: {str(entry['domain'])[:40]!r} is no domain; there is: {', '.join(DOMAINS)}")
    if not isinstance(entry.get("split", "train"), str) or not _SPLIT.fullmatch(entry.get("split", "train")):
        raise BadInput(f"{where}.split: the name of a split, such as train, or all")
    return SourceSpec(
        id=id_,
        kind=kind,
        use=name,
        domain=entry.get("domain"),
        mapping=_mapping(entry, where),
        stand_in=_mapping(entry | entry["stand_in"], where) if "stand_in" in entry else None,
        where=where,
        dataset=entry["dataset"],
        config=entry.get("config"),
        split=entry.get("split", "train"),
        revision=entry.get("revision"),
        repository_files=entry.get("files", ""),
        licence=entry.get("licence"),
        verified=entry.get("verified"),
        url=f"https://huggingface.co/datasets/{entry['dataset']}",
        published_rows=entry.get("rows"),
        note=entry.get("note", ""),
    )


def _files(entry: dict[str, Any], base: Path, where: str, kind: Literal["sources", "benchmarks"]) -> SourceSpec:
    check_keys(entry, {*_FILES, *_MAPPING}, where)
    for key in ("path", "question"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise BadInput(f"{where}: '{key}' is missing; files need 'path' and the name of their 'question' column")
    domain = entry.get("domain")
    fixed = domain is None or domain in DOMAINS
    path = os.path.abspath(base / entry["path"])  # noqa: PTH100 - without following links: they may change
    if not isinstance(entry.get("licence", ""), str):
        raise BadInput(f"{where}.licence: a text")
    name = (
        entry["id"]
        if "id" in entry
        else re.sub(r"[^a-z0-9]+", "_", Path(entry["path"]).stem.lower()).strip("_") or "files"
    )
    if not _is_id(name):
        told = repr(name) if isinstance(name, str) else f"a {type(name).__name__}"
        raise BadInput(f"{where}.id: {told[:90]} must be up to 80 lower case letters, digits and '_'")
    if kind == "benchmarks" and "id" in entry and name in catalogue(kind):
        raise BadInput(f"{where}.id: '{name}' is the id of a benchmark of the catalogue; choose another")
    return SourceSpec(
        id=name if "id" in entry else f"{name}_{short_hash([entry['path']])[:6]}",
        kind=kind,
        use="files",
        domain=domain if fixed else None,
        mapping=_mapping(entry | {"domain_column": None if fixed else domain}, where),
        where=where,
        path=path,
        reader=_options(entry.get("reader"), where),
        licence=entry.get("licence"),
        url=path,
    )


def _options(given: Any, where: str) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise BadInput(f"{where}.reader: options of the file's reader, as in '{{compat: overlapping_slices}}'")
    return given or {}


def check_keys(entry: dict[str, Any], known: set[str], where: str) -> None:
    """BadInput, with the nearest name, for a key that nothing reads."""
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
    readers.check_options(paths, f"{where}.reader", spec.reader)
    if any(path.suffix in OTHER_SHAPES for path in paths):
        known = readers.columns(paths, spec.reader)
        if known is None:
            return
        columns = found = list(known)
    else:
        table = scan_files(paths, where)
        columns = table.collect_schema().names()
        found = unfold(table, spec.mapping.named().values()).collect_schema().names()
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
