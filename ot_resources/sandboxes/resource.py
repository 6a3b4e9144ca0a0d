"""The sandbox as a Dagster resource."""

from __future__ import annotations

from contextlib import AbstractContextManager

import dagster as dg
from pydantic import Field

from ot_resources.interfaces import Sandbox
from ot_resources.sandboxes import open_sandbox


class CodeSandbox(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Runs the programs that a model wrote. Nothing they do reaches this process, the disk or the network."""

    kind: str = Field(
        default="process", description="process: subprocesses with limits and without network (OT_SANDBOX)."
    )

    def open(self) -> AbstractContextManager[Sandbox]:
        return open_sandbox(self.kind)
