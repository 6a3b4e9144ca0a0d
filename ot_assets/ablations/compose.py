"""A recipe out of what studies chose: their recipe's text with the chosen variants in their places, and why.

Greedy, stage by stage, as OpenThoughts3 was made: the studies of one call share a recipe, or build on one that was
composed of the others before. What a study settles is which choice; how many rows remains the recipe's matter.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ot_assets.ablations.model import CELL, STUDENT, Study
from ot_assets.ablations.moving import moved
from ot_assets.ablations.text import as_text
from ot_assets.ablations.winner import Winner
from ot_assets.contracts import STAGES
from ot_assets.recipes.loading import read_yaml
from ot_assets.strategies import registry
from ot_resources.interfaces import BadInput

_ORDER = [*STAGES]
Body = dict[str, Any]


@dataclass(frozen=True)
class Composed:
    """The recipe's text, its name, and what a person should know before running it."""

    name: str
    text: str
    notes: list[str]


def compose(winners: Sequence[Winner], name: str | None, folder: Path | None) -> Composed:
    """The recipe that the winners make, to be written into `folder`; paths below it become relative, others absolute.

    BadInput: no recipe in common, two studies of one stage, a study of the student or the cell alone.
    """
    file, winners = _base(winners)
    body = read_yaml(file)
    name = name or f"{body['name']}_composed"
    if name in (body["name"], *(winner.study.name for winner in winners)):
        raise BadInput(f"the name '{name}' is taken; choose another with --name")
    _check_apart(winners)
    body = moved(copy.deepcopy(body), file.parent, folder)
    notes: list[str] = []
    for winner in winners:
        _settle(body, winner, folder, notes)
    _release_all(body, winners, notes)
    studies = ", ".join(winner.study.name for winner in winners)
    description = str(body.get("description", "")).strip()
    body |= {"name": name, "description": f"{description} With what these studies chose: {studies}.".strip()}
    return Composed(name, as_text(body, f"{file.name} with what was chosen by {studies} (ot compose)."), notes)


def _base(winners: Sequence[Winner]) -> tuple[Path, list[Winner]]:
    """The recipe that is built on, and the winners that are not in it yet.

    Of several recipes it is the one that says of all other studies that it was composed of them.
    """
    files = {winner.study.recipe.file.resolve(): winner.study.recipe for winner in winners}
    for file, recipe in files.items():
        here = {(why.study, why.variant, why.version) for why in _reasons(recipe)}
        others = [winner for winner in winners if winner.study.recipe.file.resolve() != file]
        if all((winner.study.name, winner.variant, winner.version) in here for winner in others):
            return file, [winner for winner in winners if winner not in others]
    one, two = list(files.values())[:2]
    of = {winner.study.recipe.name: winner.study.name for winner in winners}
    raise BadInput(
        f"{of[one.name]} is a study of {one.name}, {of[two.name]} one of {two.name}: compose the first, then let the"
        " second's 'recipe' be that file and run it"
    )


def _reasons(recipe: Any) -> list[Any]:
    whys = [why for track in recipe.tracks for why in (track.because, *(choice.because for choice in track.choices))]
    return [why for why in whys if why is not None]


def _check_apart(winners: Sequence[Winner]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for winner in winners:
        study = winner.study
        stages = [stage for stage in study.stages if stage not in (CELL, STUDENT)]
        if not stages:
            raise BadInput(
                f"{study.name}: its variants differ in the {' and the '.join(study.stages)}, which no recipe has"
            )
        if "sources" in stages and "mix" in study.common:
            stages.append("mix")
        for stage in stages:
            place = (_track(study), stage)
            if place in seen:
                raise BadInput(
                    f"{seen[place]} and {study.name} both choose '{stage}' of the track '{place[0]}'; give one of them"
                )
            seen[place] = study.name


def _track(study: Study) -> str:
    return study.domain or study.recipe.tracks[0].name


def _settle(body: Body, winner: Winner, folder: Path | None, notes: list[str]) -> None:
    """Put the chosen variant's choices into the track, each with its reason."""
    study, items = winner.study, body["tracks"][_track(winner.study)]
    raw = moved(copy.deepcopy(study.variants[winner.variant].raw), study.file.parent, folder)
    common = moved(copy.deepcopy(study.common), study.file.parent, folder)
    if "sources" in raw and "mix" in common and "mix" not in raw:
        raw["mix"] = common["mix"]  # a mix names its sources, and goes with them
    own = [key for key in raw if key not in (CELL, STUDENT)]
    for key in sorted(own, key=lambda key: _rank(items, key)):
        where = f"{study.file.name}: variants.{winner.variant}.{key}"
        if key == "format":
            _reformat(body, raw[key], where)
            continue
        item = _item(items, key)
        stage = next(iter(item))
        chosen, resized = _sized(stage, raw[key], item[stage], where)
        item |= {stage: chosen, "because": winner.because(resized)}
        notes += [f"{_track(study)}.{key}: {note}" for note in (*resized, *_asked(stage, chosen, where))]
    for key in study.stages:
        if key not in raw and key not in (CELL, STUDENT) and (place := _found(items, key)) is not None:
            items[place]["because"] = winner.because()
    for item in items:
        for choice in item.values():
            if isinstance(choice, dict):
                choice.pop("published", None)  # of the release, which this is not


def _reformat(body: Body, format_: Any, where: str) -> None:
    if len(body["tracks"]) > 1:
        raise BadInput(f"{where}: one format is for all tracks; set it in the recipe by hand")
    body["format"] = format_


def _found(items: list[Body], key: str) -> int | None:
    """The place of the table, or the first stage, of that name."""
    named = [(_stage(item), _asset(item)) for item in items]
    by_asset = [place for place, (_, asset) in enumerate(named) if asset == key]
    by_stage = [place for place, (stage, _) in enumerate(named) if stage == key]
    return next(iter([*by_asset, *by_stage]), None)


def _stage(item: Body) -> str:
    return next(key for key in item if key != "because")


def _asset(item: Body) -> str:
    stage = _stage(item)
    named = item[stage].get("as") if isinstance(item[stage], dict) else None
    return str(named or STAGES[stage].asset)


def _rank(items: list[Body], key: str) -> int:
    place = _found(items, key)
    return _ORDER.index(key if place is None else _stage(items[place]))


def _item(items: list[Body], key: str) -> Body:
    """The item whose choice is replaced, its stage first; a new one where the recipe lacks the stage."""
    place = _found(items, key)
    if place is None:
        later = (n for n, item in enumerate(items) if _ORDER.index(_stage(item)) > _ORDER.index(key))
        place = next(later, len(items))
        items.insert(place, {key: {}})
    stage = _stage(items[place])
    items[place] = {stage: items[place][stage]} | {k: v for k, v in items[place].items() if k != stage}
    return items[place]


def _sized(stage: str, chosen: Any, before: Any, where: str) -> tuple[Any, list[str]]:
    """The chosen body at the size, and under the name, of what stood there; what was kept of that, in words."""
    if stage == "sources" or not isinstance(before, dict):
        return chosen, []
    body = {"use": chosen} if isinstance(chosen, str) else dict(chosen)
    if "as" in before:
        body["as"] = before["as"]
    resized = []
    for name in sorted(registry.find(stage, body["use"], where).scaled):
        # Of each source, or of all: only the same kind of count is comparable.
        same = body.get("per_source", False) == before.get("per_source", False)
        kept, compared = before.get(name), body.get(name)
        if same and _counts(kept) and _counts(compared) and kept != compared:
            resized.append(f"{name} stays {kept}; the study compared at {compared}")
            body[name] = kept
    return body, resized


def _asked(stage: str, chosen: Any, where: str) -> list[str]:
    """In words: whom to ask where the study's variant named who answers; in a recipe `model` only tells who did."""
    if not isinstance(chosen, dict) or "model" not in chosen or stage == "sources":
        return []
    kinds = registry.find(stage, chosen["use"], where).capabilities
    who = " and ".join(f"OT_{role.upper()}" for role, kind in kinds.items() if kind == "generator")
    return [f"compared with {chosen['model']} as who answers; a recipe asks {who}: set it to that model"] if who else []


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _release_all(body: Body, winners: Sequence[Winner], notes: list[str]) -> None:
    """Quotas of the old choices need not be met by new ones: their domains are released whole."""
    dataset = body.get("dataset")
    if not isinstance(dataset, dict):
        return
    for name in ("published", "published_unverified"):
        dataset.pop(name, None)
    rows = dataset.get("rows", "all")
    if not isinstance(rows, dict):
        return
    changed = {domain for winner in winners for domain in _domains(winner.study)}
    for domain, quota in rows.items():
        if quota != "all" and (domain in changed or None in changed):
            notes.append(f"dataset.rows.{domain} was {quota} and is 'all' now; set a quota if you want one")
            rows[domain] = "all"


def _domains(study: Study) -> set[str | None]:
    """Those of the study's track; None where a column tells them."""
    track = next(track for track in study.recipe.tracks if track.name == _track(study))
    return {source.domain for source in track.sources}
