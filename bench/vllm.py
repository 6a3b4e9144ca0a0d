"""vLLM through the answers strategy, its ledger on, beside the bare `LLM.chat` loop; and a server beside a bare client.

    python -m bench.vllm [--model FOLDER] [--questions 500] [--samples 4]

The same prompts, sampling and engine settings for both of a pair; output tokens a second, after a warm-up, without
loading. Needs `make vllm`, or vLLM on a GPU; without either it says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from data.generator.families import FAMILIES, unseen

SEED = 20261126
SAMPLING = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 128}
ROUNDS = 3
# Without its compiler, which takes minutes before the first token on two cores, and on a CPU with 2 GiB for keys and
# values: the same for both of a pair.
SURROUNDINGS = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_CPU_CI_ENV": "1",
    "VLLM_CPU_KVCACHE_SPACE": "2",
}
AT_ONCE = {"concurrency": 256}


def questions(count: int) -> list[str]:
    """Held-out questions, as many of each domain."""
    each = -(-count // len(FAMILIES))
    found = [problem.question for domain in FAMILIES for problem in unseen(SEED, domain, each)]
    return found[:count]


def bare_engine(model: str, count: int, samples: int) -> float:
    """Tokens a second of `LLM.chat`; the best of some rounds."""
    from vllm import LLM, SamplingParams

    from ot_resources.generators.build import arguments, installed
    from ot_resources.generators.engine import Options

    told = arguments(model, Options(**AT_ONCE), installed())
    llm = LLM(**told)
    chats = [[{"role": "user", "content": text}] for text in questions(count) for _ in range(samples)]
    params = SamplingParams(**SAMPLING)
    llm.chat(chats[:64], params, use_tqdm=False)
    speeds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        outputs = llm.chat(chats, params, use_tqdm=False)
        tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
        speeds.append(tokens / (time.perf_counter() - started))
    return max(speeds)


def ours(spec: str, count: int, samples: int) -> float:
    """Tokens a second of `answers.teacher`, Parquet out; the best of some rounds, each with a ledger of its own."""
    from ot_assets.strategies import apply
    from ot_resources.generators import open_generator

    asked = pl.DataFrame({"question": questions(count)})
    speeds = []
    with tempfile.TemporaryDirectory() as scratch, open_generator(spec, Path(scratch) / "warm", **AT_ONCE) as warm:
        # The engine stays loaded while this one is open.
        apply("answers.teacher", asked.head(16), generator=warm, samples=samples, **SAMPLING).kept.collect()
        for number in range(ROUNDS):
            folder = Path(scratch) / str(number)
            with open_generator(spec, folder, **AT_ONCE) as teacher:
                started = time.perf_counter()
                answers = apply("answers.teacher", asked, generator=teacher, samples=samples, **SAMPLING)
                answers.kept.sink_parquet(folder / "answers.parquet")
                took = time.perf_counter() - started
            assert teacher.usage.answered >= count * samples * 0.99, teacher.usage
            speeds.append(teacher.usage.completion_tokens / took)
    return max(speeds)


async def bare_client(model: str, url: str, count: int, samples: int, at_once: int) -> float:
    """Tokens a second of a few lines of aiohttp; the best of some rounds."""
    import aiohttp

    limit = asyncio.Semaphore(at_once)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

        async def ask(text: str) -> int:
            body = {"model": model, "messages": [{"role": "user", "content": text}]} | SAMPLING
            async with limit, session.post(url + "/chat/completions", json=body) as response:
                return (await response.json())["usage"]["completion_tokens"]

        await asyncio.gather(*[ask(text) for text in questions(64)])
        speeds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            tokens = sum(await asyncio.gather(*[ask(text) for text in questions(count) for _ in range(samples)]))
            speeds.append(tokens / (time.perf_counter() - started))
    return max(speeds)


def served(model: str, count: int, samples: int) -> tuple[float, float]:
    """(ours, the bare client's) tokens a second against one `vllm serve`."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port), "--model", model]
    command += ["--max-num-seqs", "256", "--disable-uvicorn-access-log", "--generation-config", "vllm"]
    server = subprocess.Popen([sys.executable, *command], env=os.environ | SURROUNDINGS)
    try:
        for _ in range(600):
            time.sleep(1)
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5)
                break
            except OSError:
                if server.poll() is not None:
                    raise RuntimeError("vllm serve has ended; it says why above") from None
        bare = asyncio.run(bare_client(model, f"{url}/v1", count, samples, AT_ONCE["concurrency"]))
        mine = _apart("ours", f"server:{model}@{url}/v1", count, samples)
        return mine, bare
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _apart(what: str, spec: str, count: int, samples: int) -> float:
    """A measurement in a process of its own, so that no engine shares its memory or its threads."""
    command = [sys.executable, "-m", "bench.vllm", "--only", what, "--model", spec]
    command += ["--questions", str(count), "--samples", str(samples)]
    surroundings = os.environ | SURROUNDINGS
    said = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(json.loads(said.strip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="data/teacher")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--only", choices=["bare", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if find_spec("vllm") is None:
        print("vllm is not installed (make vllm): nothing measured")
        return
    sizes = options.questions, options.samples
    if options.only:
        measure = bare_engine if options.only == "bare" else ours
        print(json.dumps(measure(options.model, *sizes)))
        return
    bare, mine = _apart("bare", options.model, *sizes), _apart("ours", f"vllm:{options.model}", *sizes)
    print("| output tokens/s, best of three | ours | bare | ratio | wanted |\n|---|---|---|---|---|")
    print(f"| vLLM in process, beside `LLM.chat` | {mine:,.0f} | {bare:,.0f} | {mine / bare:.2f} | 0.90 |", flush=True)
    mine, bare = served(options.model, *sizes)
    print(f"| a server, beside a bare aiohttp client | {mine:,.0f} | {bare:,.0f} | {mine / bare:.2f} | 0.95 |")


if __name__ == "__main__":
    main()
