"""vLLM's own server, started, watched and ended by us, and asked as any endpoint is.

What it costs over the engine in this process is HTTP and JSON; what it brings is a process of its own, so that neither
vLLM's memory nor its threads are ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
from dataclasses import replace
from typing import Any

from ot_resources.generators.build import SURROUNDINGS, arguments, check_model, installed, lora_folder
from ot_resources.generators.checkpoint import identity
from ot_resources.generators.engine import Completion, EngineDied, Options, TryAgain
from ot_resources.generators.server import ServerEngine
from ot_resources.generators.tether import Tether
from ot_resources.interfaces import BadInput, Request

_HOST = "127.0.0.1"
# Seconds.
_LOADING = 1800.0
_LOOKING = 0.25
_ENDING = 6.0


class ServedEngine:
    """Serves `model`, a folder or a name on the Hub, to this process alone; it reads all of `options`.

    In flight at the same time: `concurrency`, or 256 on a CPU and 1024 on a GPU.
    """

    def __init__(self, model: str, options: Options) -> None:
        self._build = installed()
        check_model(model)
        self._asked = model
        self._options = options
        self._process: subprocess.Popen | None = None
        self._tether: Tether | None = None
        self._client: ServerEngine | None = None
        self._url = ""
        self.concurrency = options.concurrency or self._build.concurrency

    @property
    def name(self) -> str:
        return f"server of vllm {self._build.version} ({self._build.device})"

    @property
    def model(self) -> str:
        return identity(self._asked, self._options)

    async def start(self) -> None:
        """Load the model, in a minute or so. BadInput: vLLM cannot run it here. EngineDied: it was killed meanwhile."""
        await self.stop()
        told = await asyncio.to_thread(arguments, self._asked, self._options, self._build)
        port, key = _free_port(), secrets.token_urlsafe(24)
        self._url = f"http://{_HOST}:{port}"
        self._tether = Tether("vllm-server")
        command = ["-m", "vllm.entrypoints.openai.api_server", "--host", _HOST, "--port", str(port), *_flags(told)]
        command += ["--uvicorn-log-level", "warning", "--disable-uvicorn-access-log"]
        if self._options.lora:
            command += ["--lora-modules", f"{_LORA}={lora_folder(self._options.lora)}"]
        surroundings = os.environ | SURROUNDINGS | {"VLLM_API_KEY": key, "VLLM_CONFIGURE_LOGGING": "1"}
        self._process = subprocess.Popen(
            [self._tether.program, *command], start_new_session=True, env=surroundings, stdin=subprocess.DEVNULL
        )
        try:
            await self._up()
            self._client = self._asking(key)
            await self._client.start()
        except BaseException:
            await self.stop()
            raise

    async def answer(self, request: Request, seed: int) -> Completion:
        if self._client is None:
            raise EngineDied("vLLM's server is not running")
        try:
            return await self._client.answer(request, seed)
        except TryAgain:
            if await self._is_well():
                raise
            raise EngineDied(f"vLLM's server has died: {self._why()}") from None

    async def stop(self) -> None:
        """End the server; its memory is given back."""
        client, self._client = self._client, None
        process, self._process = self._process, None
        tether, self._tether = self._tether, None
        if client is not None:
            await client.stop()
        if process is None:
            return
        died = process.poll() is not None
        await asyncio.shield(asyncio.to_thread(_end, process))
        if tether is not None and not died:
            tether.remove()

    def _asking(self, key: str) -> ServerEngine:
        options = replace(self._options, revision=None, concurrency=self.concurrency)
        return ServerEngine(_LORA if options.lora else self._asked, f"{self._url}/v1", options, self.model, key)

    async def _up(self) -> None:
        """Wait until the server answers, or is gone."""
        for _ in range(int(_LOADING / _LOOKING)):
            if self._process is not None and (code := self._process.poll()) is not None:
                if code < 0:
                    raise EngineDied(f"vLLM's server was killed while it loaded {self._asked}: {self._why()}")
                raise BadInput(f"vLLM cannot serve {self._asked}: {self._why()}")
            if await self._is_well():
                return
            await asyncio.sleep(_LOOKING)
        raise EngineDied(f"vLLM's server did not load {self._asked} within {_LOADING:,.0f} s: {self._why()}")

    async def _is_well(self) -> bool:
        """Whether the server says that its engine lives."""
        import aiohttp

        if self._process is None or self._process.poll() is not None:
            return False
        timeout = aiohttp.ClientTimeout(total=30)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{self._url}/health") as reply:
                return reply.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def _why(self) -> str:
        return self._tether.why() if self._tether is not None else "it was stopped"


# What the server calls the LoRA.
_LORA = "lora"


def _flags(told: dict[str, Any]) -> list[str]:
    """The arguments of vLLM's engine as its command line takes them."""
    flags = []
    for name, value in told.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            flags += [f"--{flag}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return flags


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((_HOST, 0))
        return int(found.getsockname()[1])


def _end(process: subprocess.Popen) -> None:
    """Ask the server to end, and after some seconds its whole group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_ENDING)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
