"""An OpenAI-compatible endpoint of its own process that answers by rule and fails by plan.

    with endpoint(Plan(faults=(Fault("status", status=429, first=20, headers={"Retry-After": "0.1"}),))) as served:
        ...  # served.url, served.log()

As a command: `python -m tests.engines.endpoint --delay 0.05 --log FILE` prints its address as the first line, and ends
at SIGINT or SIGTERM. Every answer is the same 600 characters, 150 tokens, unless the plan has another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO
from urllib.request import Request, urlopen

from aiohttp import web

PROJECT = Path(__file__).parents[2]
TEXT = ("The answer is 600. " * 32)[:600]
CHARACTERS_A_TOKEN = 4

Kind = Literal[
    "status",  # `status` with `headers` and `message`
    "inside",  # 200 with an error inside: `code`, `message`
    "body",  # 200 with `message` as the whole body
    "reset",  # the connection is broken off
    "hang",  # no answer, for `seconds`
    "truncated",  # half of the JSON, with the length of that half
    "broken",  # half of the JSON, then the connection is broken off
    "cut",  # finish_reason length after a third of the answer
    "drip",  # a byte every `seconds`, for ever
    "slow",  # the whole answer after `seconds`, in three pieces
    "model",  # answered by `message`
    "filtered",  # finish_reason content_filter
    "finish",  # finish_reason `message`
]


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and with which requests: those `asking` a text, the `first` so many, `each` question's first.

    None before so many have come in that it is `after`. A request meets the first fault of the plan that wants it, and
    at most one.
    """

    kind: Kind
    first: int | None = None
    each: int | None = None
    asking: tuple[str, ...] = ()
    after: int = 0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    code: int | str | None = None
    message: str = "out of order"
    seconds: float = 3600.0


@dataclass(frozen=True)
class Plan:
    """How it answers. `answers`: the fields of the message to a question that is spelled like this, in place of TEXT.

    With `context` it refuses more `max_tokens` than that as vLLM does, and tells it in the list of models where it
    `tells`; where it `reserves` it refuses what prompt and `max_tokens` need together, as vLLM did once. `usage` False:
    it counts nothing. `key`: it answers nobody else. `listing`: the body of the list of models, or its status.
    """

    models: tuple[str, ...] = ("tiny",)
    delay: float = 0.0
    faults: tuple[Fault, ...] = ()
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    context: int | None = None
    tells: bool = True
    reserves: bool = False
    usage: bool = True
    key: str | None = None
    listing: str | int | None = None


@dataclass(frozen=True)
class Served:
    """An endpoint that runs. `log_file` has a line a request."""

    url: str
    log_file: Path

    def log(self) -> list[dict[str, Any]]:
        """A line a request: `arrived`, `answered` (seconds since the epoch, null where nothing was sent), `question`,
        `status`, `fault`, `key` (whether one was sent), and in `asked` the fields of the body but for its messages.
        """
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def follow(self, plan: Plan) -> None:
        """Go on by another plan, with an empty log and nothing met yet."""
        wanted = json.dumps(asdict(plan)).encode()
        with urlopen(Request(self.url.removesuffix("/v1") + "/plan", data=wanted, method="PUT"), timeout=10):
            pass

    def answered(self) -> Counter[str]:
        """How often each question was answered as it should be."""
        return Counter(line["question"] for line in self.log() if line["status"] == 200 and line["fault"] is None)


@contextmanager
def endpoint(plan: Plan | None = None, port: int = 0) -> Iterator[Served]:
    """An endpoint in a process of its own, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "requests.jsonl"
        plan_file = Path(folder) / "plan.json"
        plan_file.write_text(json.dumps(asdict(plan or Plan())))
        command = [sys.executable, "-m", "tests.engines.endpoint", "--port", str(port), "--log", str(log)]
        process = subprocess.Popen([*command, "--plan", str(plan_file)], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, f"the endpoint did not start (exit {process.wait()})"
            yield Served(url, log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)
            process.stdout.close()


class _Endpoint:
    def __init__(self, plan: Plan, log: TextIO) -> None:
        self._log = log
        self._follow(plan)

    def _follow(self, plan: Plan) -> None:
        self._plan = plan
        self._seen = 0
        self._met = [0] * len(plan.faults)
        self._met_by: Counter[tuple[int, str]] = Counter()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived = time.time()
        if request.method == "PUT":
            self._log.truncate(0)
            self._follow(_plan(await request.json()))
            return web.Response()
        if self._plan.key and request.headers.get("Authorization") != f"Bearer {self._plan.key}":
            sent = request.headers.get("Authorization", "")
            return _error(401, f"Incorrect API key provided: {sent.removeprefix('Bearer ')}")
        if request.method == "GET":
            return self._describe(request.path)
        asked = json.loads(await request.read())
        question = asked.pop("messages")[-1]["content"]
        if request.path != "/v1/chat/completions" or asked["model"] not in self._plan.models:
            return _error(404, f"The model `{asked['model']}` does not exist.")
        fault = self._fault(question)
        if self._plan.delay:
            await asyncio.sleep(self._plan.delay)
        response = self._respond(asked, question, fault)
        silent = fault is not None and fault.kind in ("reset", "hang", "drip", "broken")
        line = {
            "arrived": arrived,
            "answered": None if silent else time.time(),
            "question": question,
            "status": response.status,
            "fault": fault.kind if fault else None,
            "key": "Authorization" in request.headers,
            "asked": asked,
        }
        self._log.write(json.dumps(line) + "\n")
        return response if fault is None else await _spoiled(request, response, fault)

    def _describe(self, path: str) -> web.Response:
        if path == "/version":
            return web.json_response({"version": "0.32.0"})
        if path != "/v1/models":
            return _error(404, "Not Found")
        if isinstance(self._plan.listing, int):
            return _error(self._plan.listing, "no list of models here")
        if self._plan.listing is not None:
            return web.Response(text=self._plan.listing)
        told = {"max_model_len": self._plan.context} if self._plan.context and self._plan.tells else {}
        cards = [{"id": name, "root": "weights", "owned_by": "vllm", **told} for name in self._plan.models]
        return web.json_response({"object": "list", "data": cards})

    def _fault(self, question: str) -> Fault | None:
        self._seen += 1
        for number, fault in enumerate(self._plan.faults):
            if self._seen <= fault.after:
                continue
            by_question = (number, question)
            if fault.asking and not any(text in question for text in fault.asking):
                continue
            if fault.first is not None and self._met[number] >= fault.first:
                continue
            if fault.each is not None and self._met_by[by_question] >= fault.each:
                continue
            self._met[number] += 1
            self._met_by[by_question] += 1
            return fault
        return None

    def _respond(self, asked: dict[str, Any], question: str, fault: Fault | None) -> web.Response:
        prompt = max(1, len(question) // CHARACTERS_A_TOKEN)
        refusal = self._refusal(prompt, asked["max_tokens"])
        if refusal is not None:
            return _error(400, refusal)
        message = {"role": "assistant", "content": TEXT, **self._plan.answers.get(question, {})}
        most = (
            asked["max_tokens"] if self._plan.context is None else min(asked["max_tokens"], self._plan.context - prompt)
        )
        content, finish = message["content"], "stop"
        if fault is not None and fault.kind == "cut":
            most = min(most, len(content) // CHARACTERS_A_TOKEN // 3)
        if content is not None and len(content) > most * CHARACTERS_A_TOKEN:
            message["content"], finish = content[: most * CHARACTERS_A_TOKEN], "length"
        tokens = -(-len("".join(str(message.get(part) or "") for part in _WRITTEN)) // CHARACTERS_A_TOKEN)
        if fault is not None and fault.kind in ("filtered", "finish"):
            finish = "content_filter" if fault.kind == "filtered" else fault.message
        reply: dict[str, Any] = {
            "id": "chatcmpl-0",
            "object": "chat.completion",
            "model": fault.message if fault is not None and fault.kind == "model" else self._plan.models[0],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }
        if self._plan.usage:
            reply["usage"] = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
        return web.Response(body=json.dumps(reply).encode(), content_type="application/json")

    def _refusal(self, prompt: int, most: int) -> str | None:
        context = self._plan.context
        if context is None:
            return None
        told = f"This model's maximum context length is {context} tokens. However, "
        if prompt >= context:
            return (
                f"{told}your prompt contains {prompt} input tokens, which exceeds this limit even without any output."
            )
        if self._plan.reserves and prompt + most > context:
            return f"{told}you requested {prompt + most} tokens ({prompt} in the messages, {most} in the completion)."
        if most > context:
            return (
                f"max_tokens={most} cannot be greater than max_model_len={context}. Please request fewer output tokens."
            )
        return None


# What counts as completion tokens.
_WRITTEN = ("reasoning", "reasoning_content", "content", "refusal")


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "Error", "code": status}}, status=status)


async def _spoiled(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.StreamResponse:
    """The response as the fault has it."""
    body = response.body
    assert isinstance(body, bytes) and request.transport is not None
    match fault.kind:
        case "status":
            failed = _error(fault.status, fault.message)
            failed.headers.update(fault.headers)
            return failed
        case "inside":
            return web.json_response({"error": {"message": fault.message, "code": fault.code}})
        case "body":
            return web.Response(text=fault.message, content_type="application/json")
        case "truncated":
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        case "reset":
            request.transport.abort()
        case "hang":
            await asyncio.sleep(fault.seconds)
        case "broken" | "drip" | "slow":
            return await _piecemeal(request, body, fault)
    return response


async def _piecemeal(request: web.BaseRequest, body: bytes, fault: Fault) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
    await stream.prepare(request)
    size = {"broken": len(body) // 2, "slow": len(body) // 3 + 1, "drip": 1}[fault.kind]
    for start in range(0, len(body), size):
        await stream.write(body[start : start + size])
        if fault.kind == "broken" and request.transport is not None:
            await asyncio.sleep(0.01)
            request.transport.abort()
            break
        await asyncio.sleep(fault.seconds / 3 if fault.kind == "slow" else fault.seconds)
    return stream


async def _serve(plan: Plan, port: int, log: TextIO) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = web.ServerRunner(web.Server(_Endpoint(plan, log).handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await stopped.wait()
    await runner.cleanup()


def _plan(fields: dict[str, Any]) -> Plan:
    faults = tuple(Fault(**{**fault, "asking": tuple(fault.get("asking", ()))}) for fault in fields.get("faults", ()))
    return Plan(**{**fields, "models": tuple(fields.get("models", Plan.models)), "faults": faults})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.engines.endpoint", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--delay", type=float, help="seconds before each answer")
    parser.add_argument("--log", help="a file that gets a JSON line a request")
    parser.add_argument("--plan", default="", help="a JSON file with the fields of Plan")
    asked = parser.parse_args()
    fields = json.loads(Path(asked.plan).read_text()) if asked.plan else {}
    fields |= {"delay": asked.delay} if asked.delay is not None else {}
    run: Any = asyncio.run
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        pass
    with Path(asked.log or os.devnull).open("a", buffering=1) as log:
        run(_serve(_plan(fields), asked.port, log))


if __name__ == "__main__":
    main()
