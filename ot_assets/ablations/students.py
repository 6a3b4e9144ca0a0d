"""How students are trained: a preset by its name, or one with some fields of `Training` changed.

The presets are in catalogue/students.yaml, with the place that each was read at. On `local`, where the embedded student
stands for any other, a preset's numbers give way to the embedded student's; what a study sets itself stays.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from ot_assets.recipes import yaml_text
from ot_resources.interfaces import BadInput, Training
from ot_resources.students import EMBEDDED, is_folder, named_base

FILE = Path(__file__).parent / "catalogue" / "students.yaml"
FIELDS = tuple(field.name for field in fields(Training))
DEFAULT = "medium"
_NAMES = ("base", "revision")
_ON_THE_HUB = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?", re.ASCII)


def training(
    spec: str | dict[str, Any],
    environment: str,
    where: str,
    elsewhere: bool = False,
    folder: Path | None = None,
    look: bool = True,
) -> dict[str, Any]:
    """The parameters of `student.sft` but for its seeds: `preset`, and all fields of `Training`.

    `spec` is a preset's name or a mapping of `preset` (default: medium) and fields. A base that is a folder is told
    relative to `folder`, that of the study's file; without `look` it need not be there. The embedded student is never
    trained `elsewhere`. BadInput starts with `where`.
    """
    if not isinstance(spec, str | dict):
        raise BadInput(f"{where}: a preset, e.g. medium, or a mapping: {{preset: medium, epochs: 3}}")
    given = {"preset": spec} if isinstance(spec, str) else dict(spec)
    name = given.pop("preset", DEFAULT)
    # The embedded one stands for a preset and is none: it is no model of use.
    _known(name, [preset for preset in presets() if preset != EMBEDDED], where, "preset")
    for key, value in given.items():
        _known(key, FIELDS, where, "field")
        if isinstance(value, bool) and key != "packing":
            raise BadInput(f"{where}: {key}: {str(value).lower()} is no {'name' if key in _NAMES else 'number'}")
    if given.get("base"):
        given["base"] = _base(given["base"], folder or Path.cwd(), f"{where}: base", look)
    embedded = not given.get("base") and named_base(environment) == EMBEDDED and not elsewhere
    chosen = presets()[EMBEDDED if embedded else name]
    numbers = {key: value for key, value in chosen.items() if key in FIELDS}
    if named_base(environment) not in ("", EMBEDDED):
        numbers.pop("base", None)  # OT_STUDENT stands for it
    defaults = {field.name: field.default for field in fields(Training)}
    made = {"preset": name} | defaults | numbers | given
    trained = made["base"] or named_base(environment)
    if not trained or (elsewhere and trained == EMBEDDED):
        raise BadInput(f"{where}: say which base is trained, e.g. base: Qwen/Qwen2.5-7B-Instruct, or set OT_STUDENT")
    if not made["base"]:
        made["revision"] = ""  # it was that of the base which the environment's own stands for
    elif made["revision"] and is_folder(made["base"]):
        raise BadInput(f"{where}: revision: the commit of a base on the Hub; {made['base']} is a folder")
    return made


def _base(base: Any, folder: Path, where: str, look: bool) -> str:
    """The base as it was named: a folder by its absolute path, or a name on the Hub."""
    if not isinstance(base, str):
        raise BadInput(f"{where}: a folder, or a name on the Hub, e.g. Qwen/Qwen2.5-7B-Instruct")
    if base == EMBEDDED:
        return base
    place = folder / base
    if not base.startswith(("./", "../", "/")) and base not in (".", "..") and not place.exists():
        if not _ON_THE_HUB.fullmatch(base):
            raise BadInput(f"{where}: '{base}' is no folder beside the study, and no name on the Hub")
        return base
    if look and not (place / "config.json").is_file():
        raise BadInput(f"{where}: no model in {place}: expected a folder with config.json, *.safetensors, a tokenizer")
    return str(place.resolve())


def dataset(preset: str) -> str | None:
    """The recipe whose dataset a released model was trained on."""
    return presets()[preset].get("dataset")


@cache
def presets() -> dict[str, dict[str, Any]]:
    """The presets by name: fields of `Training`, `dataset` and `note`."""
    found: dict[str, dict[str, Any]] = yaml_text.parse(FILE.read_text(encoding="utf-8"))
    return found


def _known(name: Any, known: Any, where: str, what: str) -> None:
    if isinstance(name, str) and name in known:
        return
    near = difflib.get_close_matches(str(name), known, n=1)
    told = f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(known)}"
    raise BadInput(f"{where}: a student has no {what} '{name}'; {told}")
