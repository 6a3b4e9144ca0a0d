"""How students are trained: a preset by its name, or one with some fields of `Training` changed.

The presets are in students.yaml, with the place that each was read at. On `local`, where the embedded student stands
for any other, a preset's numbers give way to the embedded student's; what a study sets itself stays.
"""

from __future__ import annotations

import difflib
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from ot_assets.recipes import yaml_text
from ot_resources.interfaces import BadInput, Training
from ot_resources.students import EMBEDDED, named_base

FILE = Path(__file__).with_name("students.yaml")
FIELDS = tuple(field.name for field in fields(Training))
DEFAULT = "medium"


def training(spec: str | dict[str, Any], environment: str, where: str, elsewhere: bool = False) -> dict[str, Any]:
    """The parameters of `student.sft` but for its seeds: `preset`, and all fields of `Training`.

    `spec` is a preset's name or a mapping of `preset` (default: medium) and fields. The embedded student is never
    trained `elsewhere`. BadInput starts with `where`.
    """
    if not isinstance(spec, str | dict):
        raise BadInput(f"{where}: a preset, e.g. medium, or a mapping: {{preset: medium, epochs: 3}}")
    given = {"preset": spec} if isinstance(spec, str) else dict(spec)
    name = given.pop("preset", DEFAULT)
    _known(name, presets(), where, "preset")
    for key in given:
        _known(key, FIELDS, where, "field")
    embedded = not given.get("base") and named_base(environment) == EMBEDDED and not elsewhere
    chosen = presets()[EMBEDDED if embedded else name]
    numbers = {key: value for key, value in chosen.items() if key in FIELDS}
    if named_base(environment) not in ("", EMBEDDED):
        numbers.pop("base", None)  # OT_STUDENT stands for it
    defaults = {field.name: field.default for field in fields(Training)}
    return {"preset": name} | defaults | numbers | given


def dataset(preset: str) -> str | None:
    """The recipe whose dataset a released model was trained on."""
    return presets()[preset].get("dataset")


@cache
def presets() -> dict[str, dict[str, Any]]:
    """The presets by name: fields of `Training`, `dataset` and `note`."""
    found: dict[str, dict[str, Any]] = yaml_text.parse(FILE.read_text(encoding="utf-8"))
    return found


def _known(name: Any, known: Any, where: str, what: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(str(name), known, n=1)
    told = f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(known)}"
    raise BadInput(f"{where}: a student has no {what} '{name}'; {told}")
