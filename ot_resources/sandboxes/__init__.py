"""Where programs that nobody has read are run. `open_sandbox(name)` gives one behind the `Sandbox` protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ot_resources.interfaces import BadInput, Sandbox

NAMES = ("process",)


@contextmanager
def open_sandbox(name: str) -> Iterator[Sandbox]:
    """The sandbox `name`, closed at the end. BadInput when there is none of that name, or it cannot confine here."""
    if name not in NAMES:
        raise BadInput(f"sandbox '{name}': there is none of that name here; there is: {', '.join(NAMES)}")
    from ot_resources.sandboxes.process import ProcessSandbox

    with ProcessSandbox() as sandbox:
        yield sandbox
