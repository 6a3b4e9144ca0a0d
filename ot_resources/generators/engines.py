"""The engines there are, and which of them a text like `vllm:path/to/model` means."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ot_resources.generators.checkpoint import TEACHER_FOLDER
from ot_resources.generators.engine import Engine, Options
from ot_resources.interfaces import BadInput

ENGINES = ("embedded", "vllm", "server")

_SPEC = re.compile(r"(?P<engine>[^:]*)(?::(?P<model>.*?)(?:@(?P<url>[A-Za-z][A-Za-z0-9+.-]*://.*))?)?", re.DOTALL)
# The embedded engine reads prompts of 256 tokens, and was always given so many for both.
_EMBEDDED_CONTEXT = 512


def parse_spec(spec: str, where: str) -> dict[str, Any]:
    """`engine[:model[@url]]` in its parts; BadInput starts with `where`."""
    match = _SPEC.fullmatch(spec)
    assert match is not None
    engine, model, url = (match[name] or "" for name in ("engine", "model", "url"))
    if engine not in ENGINES:
        raise BadInput(f"{where}: unknown engine '{engine}'; there is: {', '.join(ENGINES)}")
    if engine != "embedded" and not model:
        example = {"vllm": "vllm:path/to/model", "server": "server:NAME@http://localhost:8000/v1"}[engine]
        raise BadInput(f"{where}: say which model, e.g. {example}")
    if url and engine != "server":
        raise BadInput(f"{where}: the engine {engine} runs a model itself; an address goes with server:NAME@URL")
    if engine == "embedded" and model and not Path(model).is_dir():
        raise BadInput(f"{where}: no folder {model}; it holds a model in transformers' format")
    return {"engine": engine, "model": model, "url": url}


def open_engine(engine: str, model: str, url: str, options: Options, key: str = "OT_API_KEY") -> Engine:
    """The engine, with nothing loaded yet; `key` names the variable that holds the key of an endpoint."""
    parse_spec(f"{engine}:{model}" + (f"@{url}" if url else ""), f"engine {engine}")
    if engine == "embedded":
        from ot_resources.generators.embedded import EmbeddedEngine

        return EmbeddedEngine(model or TEACHER_FOLDER, options.context or _EMBEDDED_CONTEXT)
    from ot_resources.generators.checkpoint import identity

    if engine == "vllm":
        from ot_resources.generators.vllm import VllmEngine

        return VllmEngine(model, options)
    if not url:
        from ot_resources.generators.served import ServedEngine

        return ServedEngine(model, options)
    from ot_resources.generators.server import ServerEngine

    # What an endpoint calls a folder that is here as well is that model; a folder of another kind only has its name.
    known = identity(model, options) if (Path(model) / "config.json").is_file() else None
    return ServerEngine(model, url, options, identity=known, key=os.environ.get(key), variable=key)


def takes_accelerator(engine: str, url: str) -> bool:
    """Whether the engine holds a GPU, or all cores, for as long as its model is loaded."""
    return engine == "vllm" or (engine == "server" and not url)
