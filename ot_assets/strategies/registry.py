"""How a strategy is declared, found and checked.

A strategy is a pure function: frames first, keyword-only parameters after. The annotation of a parameter says what
it is: a plain type is a value from the recipe, a Protocol of `ot_resources.interfaces` is a capability that the
caller provides, `pl.LazyFrame` is a table that the caller reads.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import polars as pl
from pydantic import ConfigDict, Field, ValidationError, create_model

from ot_assets.contracts import SCALED, STAGES, STUDY_STAGES
from ot_resources.interfaces import BadInput, Embedder, Generator, Sandbox, Students, Tokenizer

_SAMPLING = {"temperature": Field(ge=0), "top_p": Field(gt=0, le=1), "max_tokens": Field(ge=1)}

CAPABILITIES: dict[str, type] = {
    "generator": Generator,
    "embedder": Embedder,
    "sandbox": Sandbox,
    "tokenizer": Tokenizer,
    "students": Students,
}


class Split(NamedTuple):
    """What a stage keeps and what it drops. `dropped` carries `drop_reason` and `drop_evidence` (JSON)."""

    kept: pl.LazyFrame
    dropped: pl.LazyFrame


@dataclass(frozen=True)
class Strategy:
    """A registered strategy and what its signature says about it."""

    stage: str
    name: str
    version: int
    function: Callable[..., Any]
    needs: tuple[str, ...]
    publishes: tuple[str, ...]
    packages: tuple[str, ...]
    values: dict[str, inspect.Parameter]
    capabilities: dict[str, str]
    tables: frozenset[str]
    scaled: frozenset[str]
    hints: dict[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        return f"{self.stage}.{self.name}"

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    def check(self, params: dict[str, Any], where: str) -> dict[str, Any]:
        """The recipe's parameters with defaults filled in and types checked; BadInput names `where` and the key."""
        known = [*self.values, *self.tables]
        for name in params:
            if name not in known:
                raise BadInput(f"{where}: {self.title} has no parameter '{name}'{_suggest(name, known)}")
        for name in self.tables:
            if name not in params:
                raise BadInput(f"{where}: {self.title} needs '{name}', a list of ids of the catalogue, or of files")
        given = {name: value for name, value in params.items() if name in self.values}
        try:
            model = _parameter_model(self)(**given)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise BadInput(f"{where}: {self.title}: '{key}': {first['msg'].lower()}") from None
        checked = {name: getattr(model, name) for name in self.values}
        return checked | {name: params[name] for name in self.tables}


_REGISTRY: dict[tuple[str, str], Strategy] = {}


def strategy(
    *,
    stage: str,
    version: int,
    name: str = "",
    needs: tuple[str, ...] = ("question",),
    publishes: tuple[str, ...] = (),
    packages: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a choice of `stage`, under its own name unless `name` is given.

    `version` is raised by hand whenever the function's behaviour changes. `needs` are the columns that it reads;
    `publishes`, for a format, the columns of the released dataset in their order; `packages` are those whose version
    decides the result, so that another one makes another table.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        entry = _read_signature(function, stage, name or function.__name__, version, needs, publishes, packages)
        if (stage, entry.name) in _REGISTRY and _REGISTRY[stage, entry.name].function is not function:
            raise ValueError(f"strategy {entry.title} is registered twice")
        _REGISTRY[stage, entry.name] = entry
        return function

    return register


def find(stage: str, name: str, where: str = "recipe") -> Strategy:
    """The strategy `name` of `stage`; BadInput with the nearest names when there is none."""
    _load_all()
    if (stage, name) in _REGISTRY:
        return _REGISTRY[stage, name]
    if stage not in STAGES | STUDY_STAGES:
        raise BadInput(f"{where}: unknown stage '{stage}'{_suggest(stage, list(STAGES))}")
    names = [known for known_stage, known in _REGISTRY if known_stage == stage]
    raise BadInput(f"{where}: {stage} has no strategy '{name}'{_suggest(name, names)}")


def every() -> Iterator[Strategy]:
    """All strategies, by stage and name."""
    _load_all()
    yield from (_REGISTRY[key] for key in sorted(_REGISTRY))


@cache
def _load_all() -> None:
    import ot_assets.strategies as package

    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)


def _read_signature(
    function: Callable[..., Any],
    stage: str,
    name: str,
    version: int,
    needs: tuple[str, ...],
    publishes: tuple[str, ...],
    packages: tuple[str, ...],
) -> Strategy:
    hints = get_type_hints(function, include_extras=True)
    keyword_only = {
        key: parameter
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    kinds = {protocol: kind for kind, protocol in CAPABILITIES.items()}
    capabilities = {key: kinds[hints[key]] for key in keyword_only if hints[key] in kinds}
    tables = frozenset(key for key in keyword_only if hints[key] is pl.LazyFrame)
    values = {key: p for key, p in keyword_only.items() if key not in capabilities and key not in tables}
    scaled = frozenset(key for key in values if _is_scaled(hints[key]))
    return Strategy(
        stage, name, version, function, needs, publishes, packages, values, capabilities, tables, scaled, hints
    )


def _is_scaled(hint: Any) -> bool:
    if get_origin(hint) is Annotated and SCALED in get_args(hint)[1:]:
        return True
    return any(_is_scaled(inner) for inner in get_args(hint) if inner is not Ellipsis)


@cache
def _models() -> dict[tuple[str, str], Any]:
    return {}


def _parameter_model(entry: Strategy) -> Any:
    models = _models()
    key = (entry.stage, entry.name)
    if key not in models:
        fields: dict[str, Any] = {
            name: (_bounded(name, entry.hints[name]), ... if p.default is inspect.Parameter.empty else p.default)
            for name, p in entry.values.items()
        }
        config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)
        models[key] = create_model(entry.title, __config__=config, **fields)
    return models[key]


def _bounded(name: str, hint: Any) -> Any:
    """What a sampling parameter may be, whichever strategy has it."""
    return Annotated[hint, _SAMPLING[name]] if name in _SAMPLING else hint


def _suggest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    options = ", ".join(sorted(known)) or "none"
    return f"; did you mean '{near[0]}'?" if near else f"; there is: {options}"
