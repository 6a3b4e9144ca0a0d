"""The sandbox as a Dagster resource."""

from __future__ import annotations

from contextlib import AbstractContextManager

import dagster as dg
from pydantic import Field

from ot_resources.sandboxes import STRONGEST, open_sandbox
from ot_resources.sandboxes.harnessed import HarnessSandbox


class CodeSandbox(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Runs the programs that a model wrote. Nothing they do reaches this process, the disk or the network."""

    kind: str = Field(
        default=STRONGEST,
        description="docker: a pool of containers. process: subprocesses with limits and without network (OT_SANDBOX)."
        " strongest: docker where an engine answers and has the image, else process, which runs only what the embedded"
        " teacher wrote.",
    )

    def open(self, foreign: str = "") -> AbstractContextManager[HarnessSandbox]:
        """The sandbox, closed at the end. `foreign` says whose the programs are if not the embedded teacher's."""
        return open_sandbox(self.kind, foreign)
