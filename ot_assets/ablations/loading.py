"""Read a study from YAML and check it against its recipe, the strategies and the benchmarks.

Every mistake is a BadInput of one line: the file, the key in it, and what would be right.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from ot_assets.ablations import benchmarks, students
from ot_assets.ablations.file import StudyFile, read_study
from ot_assets.ablations.model import CELL, OWN, SCORES, STUDENT, VARIED, Study, Variant
from ot_assets.ablations.sameness import plan_of, share_rows
from ot_assets.contracts import DOMAINS, STAGES, STUDY_STAGES
from ot_assets.recipes import rules
from ot_assets.recipes.finding import file_of
from ot_assets.recipes.loading import Reader, load_recipe
from ot_assets.recipes.model import Choice, DatasetSpec, Input, Recipe, Track
from ot_assets.recipes.sources import SourceSpec, check_files, check_keys, read_benchmark
from ot_assets.strategies import registry
from ot_resources.digest import short_hash
from ot_resources.environments import environment
from ot_resources.interfaces import BadInput

_BUDGETS = ("rows", "tokens", "money")
_ORDER = [*STAGES]
# What may be told of a published variant, beside a benchmark of the study.
_FIGURES = ("average", *DOMAINS, "se", "note")


def load_study(file: str | Path, look: bool = True, loaded: dict[Path, Recipe] | None = None) -> Study:
    """The study in a YAML file. BadInput for anything that can be known to be wrong before a run.

    Without `look`, the files that it reads are not looked at. `loaded` are recipes that were read already.
    """
    path = Path(file)
    parsed = read_study(path)
    loaded = {} if loaded is None else loaded
    recipe = _recipe(parsed.recipe, path, look, loaded)
    if recipe.name == parsed.name:
        raise BadInput(f"{path.name}: name: '{parsed.name}' is the name of the recipe; a study needs one of its own")
    builder = _Builder(path, parsed, recipe, Reader(path, parsed.name, look, (), loaded))
    study = builder.study()
    if look:
        for spec in study.derived.outside():
            check_files(spec)
        for spec in builder.sets:
            check_files(spec)
    return study


def _recipe(name: str, path: Path, look: bool, loaded: dict[Path, Recipe]) -> Recipe:
    """The recipe that is forked; to look through all files for a name takes long where there are many studies."""
    known = [recipe for recipe in loaded.values() if recipe.name == name]
    file = known[0].file if known else file_of(name, path.parent, f"{path.name}: recipe")
    return load_recipe(file, look, loaded=loaded)


@dataclass(frozen=True)
class _Slot:
    """One stage of the chain that all variants share: its table, and the recipe's own choice where it has one."""

    key: str
    stage: str
    asset: str
    choice: Choice | None


class _Builder:
    """Resolves the variants of one study."""

    def __init__(self, path: Path, parsed: StudyFile, recipe: Recipe, reader: Reader) -> None:
        self._path, self._parsed, self._recipe, self._reader = path, parsed, recipe, reader
        self._stages = (parsed.stage,) if isinstance(parsed.stage, str) else tuple(parsed.stage)
        self._bodies = {str(name): self._by_stage(str(name), body) for name, body in parsed.variants.items()}
        self._base = self._track()
        self._slots, self._keys = self._chain()
        self._shared = {key: self._common(key, body) for key, body in parsed.common.items()}
        self.sets, self._benchmarks, self._evaluation = self._evaluated()
        self._check_published()

    def study(self) -> Study:
        parsed = self._parsed
        variants = {name: self._variant(name, bodies) for name, bodies in self._bodies.items()}
        self._check_one_place(variants)
        self._check_different(variants)
        derived = replace(
            self._recipe,
            name=parsed.name,
            description=parsed.description.strip(),
            file=self._path,
            tracks=tuple(v.track or Track(name, (), ()) for name, v in variants.items()),
            dataset=DatasetSpec(),
            scale={str(k): v for k, v in parsed.scale.items()} or self._recipe.scale,
            owners=tuple(parsed.owners) or self._recipe.owners,
        )
        return Study(
            name=parsed.name,
            description=parsed.description.strip(),
            source=parsed.source,
            file=self._path,
            recipe=self._recipe,
            domain=parsed.domain,
            stages=self._stages,
            common=parsed.common,
            variants=variants,
            baseline=parsed.baseline or next(iter(variants)),
            fork=self._fork(),
            derived=derived,
            benchmarks=self._benchmarks,
            seeds=tuple(parsed.seeds),
            comparison=self._comparison(list(variants)),
        )

    def _by_stage(self, name: str, body: Any) -> dict[str, Any]:
        """A variant's choices by stage: the file may leave the stage out where there is but one."""
        where = f"{self._path.name}: variants.{name}"
        if len(self._stages) == 1:
            return {self._stages[0]: body}
        if not isinstance(body, dict) or not body:
            raise BadInput(f"{where}: name the choice of each stage, as in {{{self._stages[0]}: ..., ...}}")
        for key in body:
            if key not in self._stages:
                raise BadInput(f"{where}: '{key}' is not varied here; stage: [{', '.join(self._stages)}]")
        return body

    def _track(self) -> Track | None:
        """The recipe's track that is forked."""
        domain, tracks = self._parsed.domain, {track.name: track for track in self._recipe.tracks}
        if domain is None:
            inner = [key for key in (*self._stages, *self._parsed.common) if key not in OWN]
            if inner and len(tracks) > 1:
                raise BadInput(
                    f"{self._path.name}: domain: say which track of {self._recipe.name} is forked at '{inner[0]}':"
                    f" {', '.join(tracks)}"
                )
            return next(iter(tracks.values())) if inner else None
        if domain not in tracks:
            raise BadInput(
                f"{self._path.name}: domain: {self._recipe.name} has no track '{domain}'; there is: {', '.join(tracks)}"
            )
        return tracks[domain]

    def _chain(self) -> tuple[list[_Slot], dict[str, _Slot]]:
        """The stages of every variant in their order, and those that the file names by the word it uses."""
        slots = [_Slot("", c.stage, c.asset, c) for c in (self._base.choices if self._base else ())]
        keys: dict[str, _Slot] = {}
        for key in dict.fromkeys((*self._stages, *self._parsed.common)):
            if key in OWN or key == "sources":
                continue
            found = next((s for s in slots if s.asset == key), None) or next((s for s in slots if s.stage == key), None)
            if found is None:
                if key not in STAGES:
                    told = "stage" if key in self._stages else f"common.{key}"
                    raise BadInput(f"{self._path.name}: {told}: no stage '{key[:80]}' to vary; {_near(key)}")
                found = _Slot(key, key, STAGES[key].asset, None)
                slots.insert(_place(slots, key), found)
            keys[key] = found
        return slots, keys

    def _fork(self) -> int:
        """How far the recipe's track is shared."""
        if self._base is None:
            return 0
        if "sources" in (*self._stages, *self._parsed.common):
            return 0
        changed = [self._slots.index(slot) for slot in self._keys.values()]
        return min(changed, default=len(self._slots)) + 1

    def _common(self, key: str, body: Any) -> Any:
        where = f"{self._path.name}: common.{key}"
        if key in OWN:
            raise BadInput(f"{where}: give '{key}' beside 'variants'")
        if key in self._stages:
            raise BadInput(f"{where}: '{key}' is what the variants differ in")
        return self._sources(body, where) if key == "sources" else self._choice(key, body, where, asks=False)

    def _sources(self, body: Any, where: str) -> tuple[Input, ...]:
        assert self._base is not None
        # A track may be called otherwise than what it is about.
        domain = self._base.name if self._base.name in DOMAINS else self._base.sources[0].domain
        return self._reader.sources(body, where, domain)

    def _choice(self, key: str, body: Any, where: str, asks: bool) -> Choice:
        """A choice in the place of the recipe's; where it `asks`, its `model` is who answers."""
        slot = self._keys[key]
        if isinstance(body, dict) and "as" in body:
            raise BadInput(f"{where}: 'as' cannot be set here; the table is '{slot.asset}' in every variant")
        named = body | {"as": slot.asset} if isinstance(body, dict) else {"use": body, "as": slot.asset}
        choice = self._reader.choice(slot.stage, named, where)
        return replace(choice, published=None, teacher=choice.model if asks else None)

    def _variant(self, name: str, bodies: dict[str, Any]) -> Variant:
        where = f"{self._path.name}: variants.{name}"
        track = self._own_track(name, bodies, where) if self._base else None
        cell = self._cell(bodies.get(CELL, self._parsed.cell), f"{where}.cell" if CELL in bodies else None)
        student, elsewhere = self._student(bodies, where)
        format_ = track.choices[-1] if track else self._recipe.format
        return Variant(name, track, cell, student, self._scores(format_, elsewhere), bodies)

    def _own_track(self, name: str, bodies: dict[str, Any], where: str) -> Track:
        assert self._base is not None
        sources = self._base.sources
        if "sources" in bodies:
            sources = self._sources(bodies["sources"], f"{where}.sources")
        elif "sources" in self._shared:
            sources = self._shared["sources"]
        words = {slot.asset: key for key, slot in self._keys.items()}
        choices: list[Choice] = []
        for slot in self._slots:
            key = words.get(slot.asset)
            if key is not None and key in bodies:
                choices.append(self._choice(key, bodies[key], f"{where}.{key}", asks=True))
            elif key is not None and key in self._shared:
                choices.append(self._shared[key])
            elif slot.choice is not None:
                choices.append(replace(slot.choice, published=None))
            else:
                choices.append(self._choice(slot.key, _neutral(slot.stage), f"{where}.{slot.key}", asks=False))
        track = Track(name, sources, tuple(choices))
        rules.check_track(track, where)
        return track

    def _cell(self, body: Any, where: str | None) -> Choice:
        where = where or f"{self._path.name}: cell"
        budgets = [key for key in _BUDGETS if key in body] if isinstance(body, dict) else []
        if not isinstance(body, dict) or len(budgets) > 1 or (body and not budgets):
            raise BadInput(f"{where}: one budget for all variants: {{rows: 31600}}, {{tokens: ...}} or {{money: ...}}")
        if not budgets:
            return self._made(CELL, "rows", {}, where)
        check_keys(body, {budgets[0], "seed"}, where)
        n = body[budgets[0]]
        if n is None or isinstance(n, bool):
            raise BadInput(f"{where}.{budgets[0]}: a number, or 'all'")
        if n != "all":
            return self._made(CELL, budgets[0], {key: body[key] for key in body if key == "seed"} | {"n": n}, where)
        if "seed" in body:
            raise BadInput(f"{where}.seed: nothing is drawn where all rows go in; leave it out")
        return self._made(CELL, "rows", {}, where)

    def _student(self, bodies: dict[str, Any], where: str) -> tuple[Choice, bool]:
        """How the students are trained, and whether that is done elsewhere."""
        spec = bodies.get(STUDENT, self._parsed.student)
        where = f"{where}.student" if STUDENT in bodies else f"{self._path.name}: student"
        elsewhere = isinstance(spec, dict) and "train" in spec
        if elsewhere:
            if spec["train"] != "elsewhere":
                raise BadInput(f"{where}.train: 'elsewhere', or leave it out")
            spec = {key: value for key, value in spec.items() if key != "train"}
        found = students.training(spec, environment(), where, elsewhere, self._path.parent, self._reader.look)
        params = found | {"seeds": list(self._parsed.seeds)}
        return self._made(STUDENT, "exported" if elsewhere else "sft", params, where), elsewhere

    def _scores(self, format_: Choice, elsewhere: bool) -> Choice:
        where = f"{self._path.name}: evaluation"
        strategy = registry.find(SCORES, "imported" if elsewhere else "evaluate", where)
        # A student is asked as it was trained.
        asked = {name: format_.params[name] for name in ("prefix", "system") if name in format_.params}
        # Of what was measured elsewhere the settings are not ours.
        given = {n: v for n, v in (asked | self._evaluation).items() if n in strategy.values or not elsewhere}
        tables: dict[str, Any] = dict.fromkeys(strategy.tables, self.sets)
        checked = strategy.check(given | dict.fromkeys(strategy.tables, ()), where)
        params = {name: value for name, value in checked.items() if name not in strategy.tables}
        return Choice(SCORES, strategy.name, STUDY_STAGES[SCORES].asset, params, where, tables)

    def _made(self, stage: str, use: str, params: dict[str, Any], where: str) -> Choice:
        strategy = registry.find(stage, use, where)
        return Choice(stage, use, STUDY_STAGES[stage].asset, strategy.check(params, where), where)

    def _evaluated(self) -> tuple[tuple[SourceSpec, ...], dict[str, tuple[str, ...]], dict[str, Any]]:
        """The sets that students are asked, their ids as those that may choose and those that may not, and how."""
        where = f"{self._path.name}: benchmarks"
        named = benchmarks.named(self._parsed.benchmarks, where)
        sets: dict[str, SourceSpec] = {}
        ids: dict[str, tuple[str, ...]] = {}
        for kind, items in named.items():
            specs = [read_benchmark(item, self._path.parent, f"{where}.{kind}") for item in items]
            ids[kind] = tuple(spec.id for spec in specs)
            for spec in specs:
                if spec.id in ("dev", "held_out") or spec.id.startswith("dev_"):
                    raise BadInput(f"{where}.{kind}: '{spec.id}' is how the scoreboard calls a mean; give another 'id'")
                if spec.id in sets:
                    raise BadInput(f"{where}.{kind}: '{spec.id}' is named twice; what chooses is not held out")
                sets[spec.id] = spec
        for chooses, kept in product(*([sets[id_] for id_ in ids[kind]] for kind in ("dev", "held_out"))):
            if share_rows(chooses, kept):
                raise BadInput(
                    f"{where}.held_out: '{kept.id}' is the table that '{chooses.id}' of dev is read from; what chooses"
                    " is not held out"
                )
        given = dict(self._parsed.evaluation)
        params = benchmarks.evaluation(list(sets), given, f"{self._path.name}: evaluation")
        return tuple(sets.values()), ids, params | {"held_out": list(ids.get("held_out", ()))}

    def _check_published(self) -> None:
        known = {*_FIGURES, *(name for names in self._benchmarks.values() for name in names)}
        for variant, told in self._parsed.published.items():
            where = f"{self._path.name}: published.{variant}"
            check_keys(told, known, where)
            for name, value in told.items():
                if name == "note" and not isinstance(value, str):
                    raise BadInput(f"{where}.note: a text")
                # A number that is not finite is no YAML of ours.
                if name != "note" and (isinstance(value, bool) or not isinstance(value, int | float | None)):
                    raise BadInput(f"{where}.{name}: a number such as 41.9, or null")

    def _check_one_place(self, variants: dict[str, Variant]) -> None:
        """Scores of ours and those of another evaluator are no two measurements of one thing."""
        ways = {variant.scores.use: name for name, variant in variants.items()}
        if len(ways) > 1:
            raise BadInput(
                f"{self._path.name}: variants: '{ways['imported']}' is trained elsewhere and '{ways['evaluate']}' here;"
                " their scores do not compare: train all of them elsewhere, or none"
            )

    def _check_different(self, variants: dict[str, Variant]) -> None:
        """Two variants of one plan would be compared with themselves."""
        seen: dict[str, str] = {}
        for name, variant in variants.items():
            plan = short_hash(plan_of(variant, variant.raw.get(STUDENT, self._parsed.student)))
            if plan in seen:
                raise BadInput(
                    f"{self._path.name}: variants: '{seen[plan]}' and '{name}' are the same plan; change or remove one"
                )
            seen[plan] = name

    def _comparison(self, variants: list[str]) -> dict[str, Any]:
        """What the scoreboard is told, but for how its variants stand, which is known when it is made."""
        parsed = self._parsed
        return {
            "variants": variants,
            "baseline": parsed.baseline or variants[0],
            "standard_error": parsed.standard_error,
            "domains": self._evaluation.get("domains", {}),
            "published": parsed.published,
        }


def _neutral(stage: str) -> dict[str, Any]:
    """What makes no difference, where only some variants name a stage that the recipe lacks."""
    use = "all" if stage == "select" else "none"
    wants_reason = "reason" in registry.find(stage, use).values
    return {"use": use} | ({"reason": "other variants have a choice here"} if wants_reason else {})


def _place(slots: list[_Slot], stage: str) -> int:
    """Where a stage belongs among those that are there: before the first that comes later in every recipe."""
    rank = _ORDER.index(stage)
    return next((index for index, slot in enumerate(slots) if _ORDER.index(slot.stage) > rank), len(slots))


def _near(stage: str) -> str:
    near = [] if stage in STUDY_STAGES else difflib.get_close_matches(stage, VARIED, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(VARIED)}"
