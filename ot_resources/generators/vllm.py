"""vLLM in this process: its asynchronous engine, so that every answer comes out as soon as it is there.

The model runs in a process of vLLM's own (the engine core), which ends when this one does, however it ends.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import multiprocessing.spawn
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from multiprocessing import resource_tracker
from typing import Any

from ot_resources.files import first_line
from ot_resources.generators.build import SURROUNDINGS, arguments, check_model, installed, lora_folder
from ot_resources.generators.checkpoint import identity
from ot_resources.generators.engine import Completion, EngineDied, Options, TimedOut, TryAgain, refused, spelled
from ot_resources.generators.tether import Tether
from ot_resources.interfaces import BadInput, FinishReason, Message, Request, Sampling

# Seconds that the engine core has to end by itself, and its workers, whose memory is free when they are gone.
_ENDING = 4.0
_WORKERS_ENDING = 1.0
_FINISHED = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "repetition": FinishReason.LENGTH}

# What vLLM reads from the surroundings of the process is set for one engine at a time.
_starting = threading.Lock()


class VllmEngine:
    """Runs `model`, a folder or a name on the Hub, with vLLM; it reads all of `options`, see `arguments`.

    In flight at the same time: `concurrency`, or 256 on a CPU and 1024 on a GPU.
    """

    def __init__(self, model: str, options: Options) -> None:
        self._build = installed()
        check_model(model)
        self._asked = model
        self._options = options
        self._llm: Any = None
        self._tether: Tether | None = None
        self._context = 0
        self._lora: Any = None
        self._numbers = itertools.count()
        self._prompt: Callable[[tuple[Message, ...]], list[int]] = lambda _: []
        self._drawn: Callable[[Sampling, int], Any] = lambda *_: None
        self.concurrency = options.concurrency or self._build.concurrency

    @property
    def name(self) -> str:
        return f"vllm {self._build.version} ({self._build.device})"

    @property
    def model(self) -> str:
        return identity(self._asked, self._options)

    async def start(self) -> None:
        """Load the model, in a minute or so. BadInput: vLLM cannot run it here. EngineDied: it was killed meanwhile."""
        await self.stop()
        tether = Tether("vllm")
        try:
            launch = partial(_launch, arguments(self._asked, self._options, self._build), self._options, tether)
            llm, self._lora = await _in_thread(launch, lambda late: _shut_down(late[0], 0.0))
        except asyncio.CancelledError:
            tether.cut()  # whatever has started so far
            raise
        except Exception as error:
            raise _failure(self._asked, error, tether) from None
        self._llm, self._tether = llm, tether
        self._context = llm.model_config.max_model_len
        self._prompt = _prompts(llm.get_tokenizer())
        self._drawn = lru_cache(1024)(_sampling_params)
        try:
            self._prompt((Message("user", "Hello"),))
        except Exception as error:  # whatever a template raises
            await self.stop()
            raise BadInput(f"{self._asked}: no chat template that works: {first_line(error)}") from None

    async def answer(self, request: Request, seed: int) -> Completion:
        llm = self._llm
        if llm is None:
            raise EngineDied("vLLM is not running")
        try:
            ids = self._prompt(request.messages)
        except Exception as error:  # whatever a template raises
            return refused(f"the chat template does not take this conversation: {first_line(error)}")
        room = self._context - len(ids)
        if room < 1:
            return refused(f"prompt of {len(ids)} tokens does not fit the context of {self._context}", len(ids))
        try:
            params = self._drawn(request.sampling, min(request.sampling.max_tokens, room))
            if self._options.seeds:
                params = params.clone()
                params.seed = seed
            async with asyncio.timeout(self._options.timeout):
                output = await _last(
                    llm.generate(_tokens(ids), params, str(next(self._numbers)), lora_request=self._lora)
                )
        except TimeoutError:
            raise TimedOut(f"no answer within {self._options.timeout:g} s") from None
        except Exception as error:
            return self._explained(error, len(ids))
        return _completion(output, len(ids))

    async def stop(self) -> None:
        """End the engine core; its memory is given back."""
        llm, self._llm = self._llm, None
        tether, self._tether = self._tether, None
        if llm is None:
            return
        dead = llm.errored
        await _in_thread(lambda: _shut_down(llm))
        await _in_thread(
            partial(llm.engine_core.resources.ctx.destroy, linger=0)
        )  # once the loop has closed its sockets
        if tether is not None and not dead:
            tether.remove()

    def _explained(self, error: Exception, prompt_tokens: int) -> Completion:
        """What an exception of vLLM's means: a refusal of this request, or else the exception that says so."""
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        if isinstance(error, EngineDeadError) or self._llm is None or self._llm.errored:
            why = f"{_signalled(self._llm)}{self._tether.why()}" if self._tether else "it was stopped"
            raise EngineDied(f"vLLM's engine core has died: {why}") from None
        cause = error.__cause__ if isinstance(error, EngineGenerateError) else error
        line = first_line(cause) if isinstance(cause, Exception) else first_line(error)
        if isinstance(cause, VLLMClientError | ValueError | TypeError):
            return refused(f"vLLM does not take this request: {line}", prompt_tokens)
        raise TryAgain(line) from None


def _launch(told: dict[str, Any], options: Options, tether: Tether) -> tuple[Any, Any]:
    """vLLM's engine, and what says that a request uses the LoRA. To be called in a thread of its own."""
    os.environ.update(SURROUNDINGS)
    with _starting, warnings.catch_warnings(), _elsewhere(tether):
        warnings.simplefilter("ignore")
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.lora.request import LoRARequest
        from vllm.usage.usage_lib import UsageContext
        from vllm.v1.engine.async_llm import AsyncLLM

        _quiet(tether)
        lora = None
        if options.lora:
            lora = LoRARequest(options.lora, 1, str(lora_folder(options.lora)))
        try:
            # As vLLM's own batch interface is tuned: throughput before the time to the first token.
            return AsyncLLM.from_engine_args(AsyncEngineArgs(**told), usage_context=UsageContext.LLM_CLASS), lora
        except Exception as error:  # whatever vLLM raises
            failed = RuntimeError(_plain(error))
        gc.collect()  # what was half made, and hangs on that exception
        raise failed


@contextmanager
def _elsewhere(tether: Tether) -> Iterator[None]:
    """Processes that start here are tethered, and an interrupt from the terminal is not for them.

    What vLLM sets in the surroundings for its own processes is not left behind for others.
    """
    _quiet(tether)
    with _environment(PYTHONWARNINGS="ignore"):  # it would tell at the end what a killed engine core has left behind
        resource_tracker.ensure_running()  # and, started later, let interrupts through again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # of this thread, which ends soon, and its children
    python = multiprocessing.spawn.get_executable()
    multiprocessing.spawn.set_executable(str(tether.program))
    try:
        with _environment():
            yield
    finally:
        multiprocessing.spawn.set_executable(python)


@contextmanager
def _environment(**changes: str) -> Iterator[None]:
    """The surroundings of the process with `changes`; afterwards they are as they were."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})


def _quiet(tether: Tether) -> None:
    """vLLM's log goes to the file of the engine that started last."""
    handler = logging.FileHandler(tether.log)
    handler.setFormatter(logging.Formatter("%(levelname)s %(asctime)s [%(name)s:%(lineno)d] %(message)s"))
    logger = logging.getLogger("vllm")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.propagate = False


def _signalled(llm: Any) -> str:
    """Which signal has ended the engine core, if one has."""
    processes = llm.engine_core.resources.engine_manager.processes if llm is not None else []
    ends = [signal.Signals(-process.exitcode).name for process in processes if (process.exitcode or 0) < 0]
    return f"{ends[0]}; " if ends else ""


def _shut_down(llm: Any, seconds: float = _ENDING) -> None:
    """End the engine core and its workers. Workers are slow to leave, and the core waits for them."""
    import psutil

    workers = []
    for process in llm.engine_core.resources.engine_manager.processes:
        with suppress(psutil.Error):
            children = psutil.Process(process.pid).children(recursive=True)
            workers += [child for child in children if "Worker" in child.name()]

    def hurry() -> None:
        for worker in workers:
            with suppress(psutil.Error):  # it keeps in mind when the process began: another one is not meant
                worker.kill()

    timer = threading.Timer(min(seconds, _WORKERS_ENDING), hurry)
    timer.start()
    llm.shutdown(timeout=seconds)
    llm.shutdown = lambda: None  # it would call it once more, at an end of the process that is none
    timer.cancel()
    hurry()


async def _in_thread(work: Callable[[], Any], abandon: Callable[[Any], None] = lambda _: None) -> Any:
    """What `work` returns. Its thread holds nobody up at the end of the process; `abandon` gets what came too late."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    given_up = threading.Event()

    def settle(result: Any, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)

    def run() -> None:
        outcome: tuple[Any, Exception | None]
        try:
            outcome = (work(), None)
        except Exception as error:
            outcome = (None, error)
        if given_up.is_set():
            if outcome[1] is None:
                abandon(outcome[0])
        else:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="vllm", daemon=True).start()
    try:
        return await done
    except asyncio.CancelledError:
        given_up.set()
        raise


def _failure(model: str, error: Exception, tether: Tether) -> Exception:
    """Why it did not start, as the exception to raise, in one line."""
    if isinstance(error, BadInput):
        tether.remove()
        return error
    if "core proc" not in str(error):
        tether.remove()
        return BadInput(f"vLLM cannot run {model}: {error}")
    if "': -" in str(error):
        return EngineDied(f"vLLM was killed while it loaded {model}, for want of memory perhaps: {tether.why()}")
    return BadInput(f"vLLM cannot run {model}: {tether.why()}")


def _plain(error: Exception) -> str:
    """What an exception says, in one line; pydantic says it on its third."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("Value error, ")), lines[0] if lines else "")
    return f"{type(error).__name__}: {told.removeprefix('Value error, ').partition(' [type=')[0]}"


def _prompts(tokenizer: Any) -> Callable[[tuple[Message, ...]], list[int]]:
    """From messages to tokens; the samples of one question follow each other, and are cut into tokens once."""

    @lru_cache(4096)
    def prompt(messages: tuple[Message, ...]) -> list[int]:
        ids = tokenizer.apply_chat_template(spelled(messages), add_generation_prompt=True, return_dict=False)
        return [int(token) for token in ids]

    return prompt


def _sampling_params(sampling: Sampling, limit: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    kept: dict[str, Any] = {"json": sampling.schema, "choice": list(sampling.choice), "regex": sampling.regex}
    kept = {name: value for name, value in kept.items() if value}
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=limit,
        stop=list(sampling.stop),
        structured_outputs=StructuredOutputsParams(**kept) if kept else None,
        # One output a request, at its end: each on the way would cost as much as the token itself.
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _tokens(ids: list[int]) -> Any:
    """A prompt that vLLM takes as it is, at once and without a thread of its own."""
    return {"type": "token", "prompt_token_ids": ids}


async def _last(outputs: Any) -> Any:
    output = None
    async for found in outputs:
        output = found
    return output


def _completion(output: Any, prompt_tokens: int) -> Completion:
    if output is None or output.outputs[0].finish_reason not in _FINISHED:
        raise TryAgain(f"vLLM gave this request up ({output.outputs[0].finish_reason if output else 'no output'})")
    drawn = output.outputs[0]
    return Completion(drawn.text, _FINISHED[drawn.finish_reason], prompt_tokens, len(drawn.token_ids))
