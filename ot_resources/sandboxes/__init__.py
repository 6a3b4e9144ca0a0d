"""Where programs that nobody has read are run. `open_sandbox(name)` gives one behind the `Sandbox` protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ot_resources.interfaces import BadInput

if TYPE_CHECKING:
    from ot_resources.sandboxes.harnessed import HarnessSandbox

NAMES = ("docker", "process")
STRONGEST = "strongest"


@contextmanager
def open_sandbox(name: str, foreign: str = "") -> Iterator[HarnessSandbox]:
    """The sandbox `name`, closed at the end; `strongest` is docker where it can be had, else process.

    `foreign` says whose the programs are when they are not the embedded teacher's. For those process is not chosen,
    only taken where `name` asks for it. BadInput: there is none of that name, or it is not to be had here.
    """
    if name not in (STRONGEST, *NAMES):
        raise BadInput(f"sandbox '{name}': there is none of that name here; there is: {', '.join(NAMES)}")
    with _open(name, foreign) as sandbox:
        yield sandbox


def _open(name: str, foreign: str) -> HarnessSandbox:
    if name != "process":
        from ot_resources.sandboxes.docker import DockerSandbox

        try:
            return DockerSandbox()
        except BadInput as missing:
            if name == "docker":
                raise
            if foreign:
                raise BadInput(
                    f"{missing}. The programs are {foreign}, so no weaker sandbox was chosen; OT_SANDBOX=process does"
                ) from None
    from ot_resources.sandboxes.process import ProcessSandbox

    return ProcessSandbox()
