"""Why a choice was made: the study that compared it with others, and what came of that."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ot_resources.interfaces import BadInput

_Text = Annotated[str, Field(min_length=1, max_length=2000)]
_Figures = dict[_Text, Annotated[float, Field(allow_inf_nan=False)] | None]


class Because(BaseModel):
    """What justifies a choice. It explains the choice and makes no other table.

    `variant` of `study` is what was chosen, by the scoreboard's `version`, with its `verdict` there; `scores` and
    `published` are figures in points of 100 by variant (score and se; average, code, math, science, se), ours and those
    that `source` tells.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    study: _Text
    variant: _Text | None = None
    version: _Text | None = None
    verdict: _Text | None = None
    scores: dict[_Text, _Figures] = {}
    published: dict[_Text, _Figures] = {}
    source: _Text | None = None
    note: _Text | None = None

    def told(self) -> dict[str, Any]:
        """As lineage tells it: what was said, and nothing else."""
        return self.model_dump(exclude_defaults=True)


def read_because(body: Any, where: str) -> Because:
    """The `because` of a choice. BadInput: it is no mapping, names no study, or says what nobody reads."""
    if not isinstance(body, dict):
        raise BadInput(f"{where}: a mapping that names a study, as in '{{study: my_study, variant: random}}'")
    try:
        return Because.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if not str(part).startswith("constrained"))
        known = ", ".join(Because.model_fields)
        said = {"missing": "the name of a study is missing", "extra_forbidden": f"unknown key; there is: {known}"}
        raise BadInput(f"{where}.{key}: {said.get(first['type'], first['msg'].lower())}") from None
