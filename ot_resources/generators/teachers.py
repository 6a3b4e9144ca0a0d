"""Models by name, for studies that compare who answers (OT_TEACHERS)."""

from __future__ import annotations

from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from ot_resources.generators import parse_spec
from ot_resources.generators.resource import LanguageModel
from ot_resources.interfaces import BadInput


class Teachers(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The models that a study's variants name, each loaded when it is first asked."""

    named: dict[str, str] = Field(
        default={}, description="Name in a study -> engine[:model[@url]], as OT_TEACHER is written (OT_TEACHERS)."
    )
    options: dict[str, Any] = Field(
        default={}, description="Further settings of all of them, as OT_TEACHER_OPTIONS has."
    )
    ledger: str = Field(description="Folder of the response store. Everything asked is kept and never asked again.")

    _opened: dict[str, LanguageModel] = PrivateAttr(default_factory=dict)

    def get(self, name: str, where: str) -> LanguageModel:
        """The model of that name. BadInput: there is none."""
        if name not in self.named:
            known = ", ".join(self.named) or "none"
            raise BadInput(
                f"{where}: no model '{name}' in OT_TEACHERS (there is: {known}); say who that is here, as in"
                f" OT_TEACHERS='{{{name}: \"server:{name}@http://localhost:8000/v1\"}}'"
            )
        if name not in self._opened:
            spec = parse_spec(self.named[name], f"OT_TEACHERS: {name}")
            self._opened[name] = LanguageModel(**spec, **self.options, ledger=self.ledger)
        return self._opened[name]

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        for model in self._opened.values():
            model.release()
