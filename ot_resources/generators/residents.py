"""The engines that this process has loaded: each model once, and one at a time where they would not fit together."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ot_resources.generators.engine import Engine
from ot_resources.generators.flight import Runner
from ot_resources.interfaces import BadInput

log = logging.getLogger("ot.ledger")


@dataclass
class _Resident:
    runner: Runner
    alone: bool


_residents: dict[str, _Resident] = {}
_lock = threading.RLock()
# Processes of one machine take turns, whatever their data root.
_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ot-assets"
_turn = FileLock(_cache / "accelerator.lock", thread_local=False)


def runner(name: str, make: Callable[[], Engine], alone: bool) -> Runner:
    """The runner of the engine with this name, made on first use.

    An engine that wants to be `alone` waits until no other process runs such a one, and ends those of this process that
    nobody is asking.
    """
    with _lock:
        found = _residents.get(name)
        if found is not None and found.runner.is_alive:
            return found.runner
        if alone:
            _release(lambda resident: resident.alone and not resident.runner.users)
            _take_turn()
        _residents[name] = _Resident(Runner(make()), alone)
        return _residents[name].runner


def release(name: str | None = None) -> None:
    """End the engine of this name, or all, unless somebody is asking it; their memory is given back."""
    with _lock:
        wanted = _residents.get(name) if name else None
        _release(lambda resident: not resident.runner.users and (name is None or resident is wanted))


def _release(which: Callable[[_Resident], bool]) -> None:
    for name, resident in list(_residents.items()):
        if which(resident):
            del _residents[name]
            try:
                resident.runner.stop()
            except Exception as error:  # it may still hold the accelerator: our turn is not over
                log.warning("%s did not end: %s", resident.runner.engine.name, error)
                return
    if not any(resident.alone for resident in _residents.values()):
        _turn.release()


def _take_turn() -> None:
    if _turn.is_locked:
        return
    try:
        _cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{_cache}: cannot be written ({error.strerror}); set XDG_CACHE_HOME") from None
    said = False
    while True:  # short waits, so that an interrupt is heard
        try:
            _turn.acquire(timeout=1.0)
            return
        except Timeout:
            if not said:
                log.info("another process of this machine has a model loaded; waiting for it to end")
                said = True


atexit.register(release)
