"""An OpenAI-style endpoint on loopback: the same 600 characters for everything, and a log of what was asked.

    python -m bench.peers.endpoint --log FILE [--port 0] [--delay SECONDS] [--fail TEXT]

Prints its port. The log has one JSON object a request: `asked` and `answered` (seconds since the epoch), `key` (a hash
of the messages), `n` and `status`. A question that contains TEXT gets 500, until `POST /heal`. Its clients are measured
beside it on the same cores, so it does as little as an honest endpoint can.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import socket
import time
from typing import Any

import uvloop
from aiohttp import web

CHARACTERS = 600
TOKENS = CHARACTERS // 4
_TEXT = "The answer is of the length that was asked for, and always the same. ".ljust(CHARACTERS, ".")
_CHOICE = {"finish_reason": "stop", "message": {"role": "assistant", "content": _TEXT}}
_FAILURE = b'{"error": {"message": "this question fails for ever", "type": "server_error"}}'
_NO_MESSAGES = b'{"error": {"message": "Empty input messages", "type": "invalid_request_error"}}'


class Endpoint:
    """What one process answers, and its open log."""

    def __init__(self, log: str, delay: float, fail: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._delay = delay
        self._fail = fail.encode()
        self._bodies: dict[tuple[str, int, int], bytes] = {}

    async def chat(self, request: web.Request) -> web.Response:
        asked = time.time()
        raw = await request.read()
        body = json.loads(raw)
        n = body.get("n") or 1
        said = body["messages"]
        if not said:  # Curator does so at each start, to read the headers; it is no question, and is not counted
            return web.Response(body=_NO_MESSAGES, status=400, content_type="application/json")
        if self._delay:
            await asyncio.sleep(self._delay)
        failed = bool(self._fail) and self._fail in raw
        answer = _FAILURE if failed else self._body(body["model"], sum(len(m["content"]) for m in said) // 4, n)
        key = hashlib.md5(json.dumps(said, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        line = {"asked": asked, "answered": time.time(), "key": key, "n": n, "status": 500 if failed else 200}
        os.write(self._log, json.dumps(line).encode() + b"\n")
        return web.Response(body=answer, status=line["status"], content_type="application/json")

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "echo", "object": "model", "created": 0}]})

    async def heal(self, _: web.Request) -> web.Response:
        self._fail = b""
        return web.Response()

    def _body(self, model: str, prompt_tokens: int, n: int) -> bytes:
        made = self._bodies.get((model, prompt_tokens, n))
        if made is None:
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": n * TOKENS}
            answer: dict[str, Any] = {"id": "chatcmpl-echo", "object": "chat.completion", "created": 0, "model": model}
            answer["choices"] = [{"index": index} | _CHOICE for index in range(n)]
            answer["usage"] = usage | {"total_tokens": prompt_tokens + n * TOKENS}
            made = self._bodies[model, prompt_tokens, n] = json.dumps(answer).encode()
        return made


async def serve(endpoint: Endpoint, port: int) -> None:
    application = web.Application()
    for prefix in ("", "/v1"):
        application.router.add_post(prefix + "/chat/completions", endpoint.chat)
        application.router.add_get(prefix + "/models", endpoint.models)
    application.router.add_post("/heal", endpoint.heal)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    await web.SockSite(runner, listening).start()
    print(listening.getsockname()[1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--fail", default="")
    options = parser.parse_args()
    uvloop.run(serve(Endpoint(options.log, options.delay, options.fail), options.port))


if __name__ == "__main__":
    main()
