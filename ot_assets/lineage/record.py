"""The record of a version (what bears identity) and the line of a run (what belongs to one run)."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ot_assets.recipes.because import Because
from ot_assets.recipes.model import Recipe, Track
from ot_assets.recipes.plan import Key, Node
from ot_resources.digest import canonical_json

if TYPE_CHECKING:
    from ot_resources.store import Version

_PACKAGES = (
    *("dagster", "duckdb", "polars", "transformers", "torch", "datasets", "rapidfuzz", "math-verify", "vllm"),
    *("floret", "py3langid", "sentence-transformers", "llguidance", "pypdf", "py7zr", "selectolax"),
    *("latex2sympy2_extended", "sympy"),
)

_SHORT = 60
FIRST_TIME = "made for the first time"
RELEASED = "sources.released"

Inputs = list[tuple[Key, "Version"]]


def identity(node: Node, params: dict[str, Any], inputs: Inputs, outside: str | None) -> dict[str, Any]:
    """What a version is looked up by: strategy, parameters, and the versions of what it reads, each in its place."""
    versions = {key: input_.version for key, input_ in inputs}
    found: dict[str, Any] = {
        "strategy": node.strategy.title,
        "strategy_version": node.strategy.version,
        # A reason explains a choice; it does not make another table.
        "params": {name: value for name, value in params.items() if name != "reason"},
        "inputs": [versions[key] for key in node.inputs],
        "outside": outside,
    }
    if node.tables:
        found["tables"] = {name: [versions[key] for key in keys] for name, keys in node.tables.items()}
    if node.strategy.packages:
        found["packages"] = {name: packages().get(name) for name in node.strategy.packages}
    return found


def choice(node: Node, params: dict[str, Any]) -> dict[str, Any]:
    """The choice that a node stands for, as lineage tells it."""
    return {
        "stage": node.stage,
        "strategy": node.use,
        "strategy_version": node.strategy.version,
        "params": params,
    }


def trail(node: Node, params: dict[str, Any], inputs: Inputs) -> list[dict[str, Any]]:
    """All choices upstream, this node's own last. Joining the sources is no choice; cleaning is.

    What a table is compared with is a parameter of its choice and has no steps here. The choices behind another
    recipe's dataset stay in the step that takes it, under `built_on`, by its tracks.
    """
    trails = {key: version_.record["trail"] for key, version_ in inputs if key in node.inputs}
    if node.strategy.title == RELEASED:
        return [choice(node, params) | {"built_on": {key[1]: steps for key, steps in trails.items()}}]
    # Tracks that join may share their first steps; in one track the same choice may well be made twice.
    lists = list(trails.values())
    steps = lists[0] if len(lists) == 1 else _unique(step for steps in lists for step in steps)
    return steps if node.strategy.title == "sources.union" else [*steps, choice(node, params)]


def upstream(field: str, inputs: Inputs) -> list[dict[str, Any]]:
    """The union of a list in the records of all inputs: their `sources`, their `models`."""
    return _unique(item for _, version_ in inputs for item in version_.record.get(field, []))


def uses(stage: str, strategy: str, inputs: Inputs) -> bool:
    """Whether a choice of this strategy is behind any of the inputs, in the recipes that they are built on as well."""

    def among(steps: list[dict[str, Any]]) -> bool:
        built_on = [step for step in steps for inner in step.get("built_on", {}).values() for step in inner]
        here = any((step["stage"], step["strategy"]) == (stage, strategy) for step in steps)
        return here or (bool(built_on) and among(built_on))

    return any(among(version_.record["trail"]) for _, version_ in inputs)


def choices_by_track(node: Node, inputs: Inputs) -> list[dict[str, Any]]:
    """Every choice that a dataset or a score hangs on, with its recipe and track, read off what it was made from.

    Those of a study go by its name and the variant's.
    """
    assert node.recipe is not None
    tracks = {key[1]: version_.record["trail"] for key, version_ in inputs if key in node.inputs}
    return _by_track(node.recipe.name, node.recipe, tracks)


def _by_track(name: str, recipe: Recipe | None, tracks: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The steps of all tracks; before a step that takes another recipe's dataset, the steps of that one.

    `recipe` is the one of that name as it is now, for what it says of its choices; None where it is not to be had.
    """
    found: list[dict[str, Any]] = []
    now = recipe.tracks if recipe else ()
    built_on = {reused.recipe.name: reused.recipe for track in now for reused in track.reused()}
    for track, steps in tracks.items():
        whys = _whys(next((one for one in now if one.name == track), None), steps)
        for position, (step, why) in enumerate(zip(steps, whys, strict=True)):
            if "built_on" in step:
                other = step["params"]["recipe"]
                found += _by_track(other, built_on.get(other), step["built_on"])
            own = {key: value for key, value in step.items() if key != "built_on"}
            found.append({"recipe": name, "track": track, "position": position} | own | {"because": why})
    return found


def _whys(track: Track | None, steps: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """What justifies each step. A table belongs to all who make the same choice, and its record knows no reasons: they
    are the track's. Its choices follow each other in the steps, after those of its sources; where they do not, because
    the recipe is another one by now, nothing is told."""
    whys: list[Because | None] = [None] * len(steps)
    wanted = [(choice.stage, choice.use) for choice in track.choices] if track else []
    made = [(step["stage"], step["strategy"]) for step in steps]
    starts = [start for start in range(len(made)) if wanted and made[start : start + len(wanted)] == wanted]
    if track and starts:
        choices = slice(starts[0], starts[0] + len(wanted))
        whys[choices] = [choice.because for choice in track.choices]
        whys[: starts[0]] = [track.because if stage == "sources" else None for stage, _ in made[: starts[0]]]
    return [why.told() if why else None for why in whys]


def because(node: Node, params: dict[str, Any], inputs: Inputs, made: Version, before: Version | None) -> str:
    """Why the table is not the one that was in use `before`, in words; empty when it is the same."""
    if before is None:
        return FIRST_TIME
    if before.version == made.version:
        return ""
    causes = []
    # As a record tells them: what is a tuple here is a list there.
    params = json.loads(canonical_json(params))
    old, new = before.record["choice"], choice(node, params)
    if (old["strategy"], old["strategy_version"]) != (new["strategy"], new["strategy_version"]):
        causes.append(_changed("strategy", *(f"{c['strategy']}@{c['strategy_version']}" for c in (old, new))))
    changed = [name for name in {**old["params"], **params} if old["params"].get(name) != params.get(name)]
    causes += [_changed(name, old["params"].get(name), params.get(name)) for name in changed]
    if node.source:
        revisions = [version_.record["sources"][0]["revision"] for version_ in (before, made)]
        if revisions[0] != revisions[1]:
            causes.append(_changed("the source", *(revision[:8] for revision in revisions)))
    known = {(input_["kind"], input_["version"]) for input_ in before.record["inputs"]}
    causes += [f"{'/'.join(key)} changed" for key, version_ in inputs if (version_.kind, version_.version) not in known]
    if len(known) > len(inputs):
        causes.append("an input left")
    return "; ".join(causes) or "its content changed"


def _changed(what: str, old: Any, new: Any) -> str:
    texts = [text if len(text := str(value)) <= _SHORT else text[:_SHORT] + "…" for value in (old, new)]
    return f"{what} changed: {texts[0]} -> {texts[1]}"


def run_line(
    node: Node,
    made: Version,
    inputs: Inputs,
    run_id: str,
    seconds: float,
    reused: bool,
    usage: dict[str, Any],
) -> dict[str, Any]:
    """One line of runs/<run_id>.json: the materialisation, with all that SQL asks of it."""
    record = made.record
    line = {
        "asset": node.name,
        "version": made.version,
        "kind": made.kind,
        "run_id": run_id,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "recipe": node.recipe.name if node.recipe else None,
        "track": node.track,
        "stage": node.stage,
        "strategy": node.use,
        "strategy_version": node.strategy.version,
        "params": record["choice"]["params"],
        "rows_in": record["rows_in"],
        "rows_out": record["rows_out"],
        "rows_dropped": record["rows_dropped"],
        "dropped": record["dropped"],
        "seconds": round(seconds, 3),
        "reused": reused,
        "model": next((model["model"] for model in record["models"] if model["stage"] == node.stage), None),
        "usage": usage,
        "inputs": [{"asset": "/".join(key), "kind": v.kind, "version": v.version} for key, v in inputs],
        "host": platform.node(),
        "git": git_commit(),
    }
    if node.strategy.title == "dataset.release" or node.stage == "scoreboard":
        line["choices"] = choices_by_track(node, inputs)
    elif node.recipe and node.stage in ("student", "scores"):
        line["choices"] = _by_track(node.recipe.name, node.recipe, {node.track or "": record["trail"]})
    return line


@cache
def packages() -> dict[str, str]:
    """The versions of the packages that may shape a table."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def git_commit() -> str | None:
    """The project's commit, marked when the tree was changed; None outside a checkout."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _unique(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen
