"""What reaches outside, in one hand: the store, the models, the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ot_assets.recipes.plan import Node
from ot_resources.generators.budget import UNLIMITED, Budget
from ot_resources.generators.resource import LanguageModel
from ot_resources.hub import Hub
from ot_resources.store import Store


@dataclass(frozen=True)
class Tools:
    """The outside world as one run sees it."""

    store: Store
    hub: Hub
    models: dict[str, LanguageModel]
    sandbox: Any
    embedder: Any
    environment: str
    scale: float | None
    run_id: str
    budget: Budget = UNLIMITED
    students: Any = None
    teachers: Any = None

    def model(self, node: Node, role: str) -> LanguageModel:
        """Who answers: the environment's own, or whom a study's variant names. BadInput: nobody goes by that name."""
        if node.teacher is None:
            return self.models[role]
        found: LanguageModel = self.teachers.get(node.teacher, node.where)
        return found
