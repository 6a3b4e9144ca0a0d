"""A model as a Dagster resource."""

from __future__ import annotations

import dagster as dg

from ot_resources.generators.settings import ModelSettings


class LanguageModel(ModelSettings, dg.ConfigurableResource):  # type: ignore[type-arg]
    """A model that answers questions, with the ledger in front of it.

    Nothing is loaded before the first request; a run lets go of its models when it ends.
    """

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        self.release()
