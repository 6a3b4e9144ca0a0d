"""How students are evaluated: which benchmarks may choose, how often each is asked, how answers are verified."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ot_assets.contracts import DOMAINS
from ot_assets.recipes.sources import check_keys
from ot_assets.recipes.yaml_text import parse
from ot_resources.interfaces import BadInput

_FILE = Path(__file__).parent / "catalogue" / "evaluation.yaml"
# By benchmark in `evaluation.yaml`, each a parameter of the evaluation that is given by benchmark.
_BY_BENCHMARK = {
    "repeats": "repeats",
    "verify": "verify",
    "options": "options",
    "adapter": "adapters",
    "domain": "domains",
}
# What the study's `benchmarks` say.
_OF_THE_STUDY = ("benchmarks", "held_out")
_MOST_REPEATS = 1_000


@cache
def _table() -> dict[str, Any]:
    return dict(parse(_FILE.read_text(encoding="utf-8")))


def named(value: Any, where: str) -> dict[str, list[Any]]:
    """The benchmarks that may choose (`dev`) and those that may not (`held_out`), of a study's key `benchmarks`.

    It is the word `openthoughts3`, for the paper's eight and four, or a mapping of the two lists.
    """
    if isinstance(value, str):
        if value not in _table()["sets"]:
            known = ", ".join(_table()["sets"])
            raise BadInput(f"{where}: '{value[:80]}' is no set of benchmarks; there is: {known}; or give dev: [...]")
        return {kind: list(ids) for kind, ids in _table()["sets"][value].items()}
    if not isinstance(value, dict):
        raise BadInput(f"{where}: 'openthoughts3', or {{dev: [...], held_out: [...]}}")
    check_keys(value, {"dev", "held_out"}, where)
    for kind in value:
        if not isinstance(value[kind], list):
            raise BadInput(f"{where}.{kind}: a list of benchmarks, as in [aime24, {{path: my.parquet, question: q}}]")
    if not value.get("dev"):
        raise BadInput(f"{where}.dev: give at least one benchmark: held-out ones choose nothing")
    return {"dev": list(value["dev"]), "held_out": list(value.get("held_out", []))}


def evaluation(ids: list[str], given: dict[str, Any], where: str) -> dict[str, Any]:
    """The parameters of `scores.evaluate` for these benchmarks: as published, and what the study says instead.

    A benchmark of one's own is asked once. BadInput: the study names a benchmark that it does not have.
    """
    told = _table()["benchmarks"]
    params: dict[str, Any] = dict(_table()["sampling"])
    for key, name in _BY_BENCHMARK.items():
        params[name] = {id_: told[id_][key] for id_ in ids if key in told.get(id_, {})}
    for name, value in given.items():
        if name in _OF_THE_STUDY:
            raise BadInput(
                f"{where}.{name}: is not set here; the study's 'benchmarks' say it: {{dev: [...], held_out: [...]}}"
            )
        if name not in _BY_BENCHMARK.values():
            params[name] = value
            continue
        if not isinstance(value, dict):
            raise BadInput(f"{where}.{name}: by benchmark, as in {{{ids[0]}: ...}}")
        if strange := [id_ for id_ in value if id_ not in ids]:
            raise BadInput(f"{where}.{name}: the study has no benchmark '{strange[0]}'; it has: {', '.join(ids)}")
        for id_, one in value.items():
            _check_one(name, one, f"{where}.{name}.{id_}")
        params[name] = params[name] | value
    return params


def _check_one(name: str, value: Any, where: str) -> None:
    if name == "domains" and value not in DOMAINS:
        raise BadInput(f"{where}: {str(value)[:40]!r} is no domain; there is: {', '.join(DOMAINS)}")
    if name == "repeats" and (type(value) is not int or not 1 <= value <= _MOST_REPEATS):
        raise BadInput(f"{where}: a whole number from 1 to {_MOST_REPEATS:,}, not {str(value)[:40]!r}")


@cache
def published_models() -> dict[str, dict[str, float]]:
    """What models of others scored, by benchmark, as OpenThoughts published it (`published.yaml`)."""
    return dict(parse(_FILE.with_name("published.yaml").read_text(encoding="utf-8")))
