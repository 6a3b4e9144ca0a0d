"""What a recipe may not do, although each of its choices is well formed. Every breach is a BadInput of one line."""

from __future__ import annotations

import re
from typing import Any

from ot_assets.contracts import DOMAINS, QUESTION, SCORES, STAGES
from ot_assets.recipes.model import Choice, Recipe, Reused, Track, Written
from ot_assets.strategies.ordering import columns
from ot_resources.interfaces import BadInput

# Schemas that DuckDB or our catalogue has already, and the names of jobs that belong to no recipe.
_TAKEN = frozenset(
    "sources benchmarks lineage ledger main temp system memory warehouse information_schema pg_catalog"
    " observe_sources look_at_sources all_recipes".split()
)
_OWNER = re.compile(r"team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")


def check_taken(file: str, name: str, tracks: list[str]) -> None:
    """Names that would hide another table."""
    if name in _TAKEN:
        raise BadInput(f"{file}: name: '{name}' is taken by the catalogue; choose another")
    for track in tracks:
        if track in ("dataset", "metadata", "unverified"):
            raise BadInput(f"{file}: tracks: '{track}' is the name of a table of every recipe; choose another")


def check_track(track: Track, where: str) -> None:
    """What one track may not do."""
    choices = list(track.choices)
    check_assets(track, where)
    check_order(choices, where)
    check_columns(choices)
    check_mix(track)


def check_assets(track: Track, where: str) -> None:
    """Each stage of a track, and each source that is made in it, makes a table of its own."""
    seen = {"questions", "unverified", *(s.id for s in track.sources if isinstance(s, Written | Reused))}
    for choice in track.choices:
        if choice.asset in seen:
            raise BadInput(
                f"{where}: two stages make '{choice.asset}'; add 'as: another_name' to one of them ({choice.where})"
            )
        seen.add(choice.asset)


def check_order(choices: list[Choice], where: str) -> None:
    """Paid stages come after the free ones that would have spared the money; questions before answers.

    Questions that a model writes (a source with `write`) are paid before anything can be cleaned: there is none yet.
    """
    before: set[str] = set()
    for choice in choices:
        _check_paid(choice, before)
        before.add(choice.stage)
    position = {choice.stage: index for index, choice in reversed(list(enumerate(choices)))}
    for later in ("verify", "select"):
        if later in position and position[later] < position["answers"]:
            raise BadInput(f"{where}: '{later}' needs answers; put it after 'answers'")
    for choice in choices[position["answers"] + 1 :]:
        if choice.stage not in ("verify", "select", "format"):
            raise BadInput(f"{choice.where}: '{choice.stage}' works on questions; put it before 'answers'")


def _check_paid(choice: Choice, before: set[str]) -> None:
    generators = [name for name, kind in choice.strategy.capabilities.items() if kind == "generator"]
    if not generators:
        return
    needed = ("decontaminate", "dedup") if "teacher" in generators else ("decontaminate",)
    missing = [stage for stage in needed if stage not in before and stage != choice.stage]
    if missing:
        raise BadInput(
            f"{choice.where}: a {generators[0]} is paid here, before '{missing[0]}'; put that stage earlier,"
            f" or '- {missing[0]}: {{use: none, reason: ...}}'"
        )


def check_columns(choices: list[Choice]) -> None:
    """Every strategy finds the columns that it reads, as far as that can be told before a run."""
    there, before = set(QUESTION), set[str]()
    for choice in choices:
        _check_order_key(choice, there, before)
        before.add(choice.stage)
        missing = [column for column in choice.strategy.needs if column not in there]
        if missing:
            makers = [stage.name for stage in STAGES.values() if missing[0] in stage.contract]
            hint = f"; a '{makers[0]}' stage before it makes that" if makers else ""
            raise BadInput(f"{choice.where}: {choice.strategy.title} needs the column '{missing[0]}'{hint}")
        there |= set(STAGES[choice.stage].contract)


def _check_order_key(choice: Choice, there: set[str], before: set[str]) -> None:
    """The columns that decide who is the earlier of two twins. Stages may add columns of their own: where one came
    before that may have, the run tells."""
    for name in columns(choice.params.get("order", ())) if choice.stage == "dedup" else ():
        silent = set(STAGES) - {"filter"} if name in SCORES else {"decontaminate", "dedup"}
        if name not in there and before <= silent:
            hint = "a 'filter' stage before it makes that" if name in SCORES else f"there is: {', '.join(QUESTION)}"
            raise BadInput(f"{choice.where}.order: no column '{name}' here; {hint}")


def check_mix(track: Track) -> None:
    """Quotas name sources of their track; rows of another recipe keep the names of their own sources."""
    ids = [source.id for source in track.sources]
    if any(track.reused()):
        return
    for choice in track.choices:
        quotas = choice.params.get("quotas") if choice.stage == "mix" else None
        for name in quotas or {}:
            if name not in ids:
                raise BadInput(f"{choice.where}.quotas: no source '{name}' in this track; there is: {', '.join(ids)}")


def check_recipe(recipe: Recipe) -> None:
    """What can only be seen with all tracks in view: names of tables, quotas, owners, spare questions."""
    file = recipe.file.name
    _check_tables(recipe)
    for owner in recipe.owners:
        if not _OWNER.fullmatch(owner):
            raise BadInput(f"{file}: owners: '{owner}' is neither 'team:name' nor an e-mail address")
    if recipe.dataset.rows != "all":
        _check_quotas(recipe, recipe.dataset.rows)
    has_sample = all(any(choice.stage == "sample" for choice in track.choices) for track in recipe.tracks)
    if recipe.dataset.spare and not has_sample:
        raise BadInput(f"{file}: dataset.spare: a track has no 'sample' stage that could draw spare questions")


def _check_tables(recipe: Recipe) -> None:
    """Track and asset are joined to the name of a view: no two may come out the same."""
    seen: dict[str, str] = {}
    for track in recipe.tracks:
        made = [source.id for source in track.sources if isinstance(source, Written | Reused)]
        twin = ["unverified"] if recipe.dataset.unverified else []
        for asset in ("questions", *made, *(choice.asset for choice in track.choices), *twin):
            view = f"{track.name}_{asset}"
            if view in seen or view.endswith("__dropped"):
                raise BadInput(
                    f"{recipe.file.name}: tracks.{track.name}: '{asset}' would be the table '{view}',"
                    f" which is taken{' by track ' + seen[view] if view in seen else ''}; rename one"
                )
            seen[view] = track.name


def _check_quotas(recipe: Recipe, quotas: dict[str, Any]) -> None:
    domains = {source.domain for track in recipe.tracks for source in track.sources}
    for domain, rows in quotas.items():
        where = f"{recipe.file.name}: dataset.rows.{domain}"
        if domain not in domains and (None not in domains or domain not in DOMAINS):
            known = ", ".join(sorted(d for d in domains if d))
            raise BadInput(f"{where}: no track has this domain; there is: {known}")
        if rows != "all" and rows < 1:
            raise BadInput(f"{where}: {rows} rows; a quota is at least 1")
