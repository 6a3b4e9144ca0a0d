"""The embedded teacher: a causal language model of about a million parameters, run through transformers on the CPU.

Every request samples with a seed of its own in a batch of a fixed shape, so an answer depends on its request alone:
not on its neighbours, not on where a killed run was resumed. A request that is held to a form samples only tokens that
keep to it; which those are follows from the tokens of its own row.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ot_resources.files import first_line
from ot_resources.generators.engine import Completion, refused, spelled
from ot_resources.interfaces import BadInput, FinishReason, Request, Sampling

# Raised by hand when the engine answers the same request otherwise: padding, batches, noise, stopping.
REVISION = 1
BATCH = 64
# Prompts are padded to one of these lengths (tokens). A batch holds one length only: another shape would move the
# logits by rounding errors, and with them a sample now and then.
PROMPT_LENGTHS = (64, 128, 256)
# Most answers are shorter than this (tokens).
_SOON = 128
# How long a batch that is not full waits for more requests.
_GATHER_SECONDS = 0.01


@dataclass(eq=False)
class _Row:
    """One request in a batch: its prompt's tokens, and who waits for those that follow."""

    ids: list[int]
    seed: int
    answer: asyncio.Future[Completion]


@dataclass(frozen=True)
class _Shape:
    """What the rows of a batch have in common: padded length, sampling, and the most new tokens in this pass."""

    length: int
    sampling: Sampling
    most: int


class EmbeddedEngine:
    """Runs the model in `folder` (a transformers checkpoint with safetensors and a chat template).

    Rows of one shape are answered in batches. Whoever is not done soon is asked again with those like it: one rambling
    row would hold its whole batch for as long as it lasts. Asking again gives the same tokens, since a row's tokens
    depend on its seed and on shapes that are the same in both passes.
    """

    # Enough for full batches of several shapes; also the most that a crash asks again.
    concurrency = 512

    def __init__(self, folder: str | Path, context: int = 512) -> None:
        self._folder = Path(folder)
        if not (self._folder / "model.safetensors").exists():
            raise BadInput(f"no model in {folder}: expected model.safetensors, config.json and a tokenizer")
        self._context = context
        self._rows: dict[_Shape, list[_Row]] = defaultdict(list)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedded")
        self._working: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return _software()

    @property
    def model(self) -> str:
        return f"embedded:{self._folder.name}@{_content_hash(self._folder, self._context)}"

    async def start(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, _load, self._folder)

    async def answer(self, request: Request, seed: int) -> Completion:
        tokenizer, _ = _load(self._folder)
        ids = tokenizer.apply_chat_template(spelled(request.messages), add_generation_prompt=True, return_dict=False)
        sampling = request.sampling
        if (form := _form(sampling)) and (refusal := _refusal(self._folder, form)):
            return refused(f"{form[0]} that cannot be kept to: {refusal}", len(ids))
        length = next((length for length in PROMPT_LENGTHS if len(ids) <= length), None)
        if length is None:
            longest = PROMPT_LENGTHS[-1]
            return refused(f"prompt of {len(ids)} tokens is longer than the {longest} that the model reads", len(ids))
        limit = min(sampling.max_tokens, self._context - length)
        for most in sorted({min(_SOON, limit), limit}):
            completion = await self._in_a_batch(_Shape(length, sampling, most), ids, seed)
            if completion.finish_reason != FinishReason.LENGTH:
                break
        return completion

    async def stop(self) -> None:
        if self._working is not None:
            self._working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._working
            self._working = None
        self._rows.clear()

    async def _in_a_batch(self, shape: _Shape, ids: list[int], seed: int) -> Completion:
        row = _Row(ids, seed, asyncio.get_running_loop().create_future())
        self._rows[shape].append(row)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await row.answer

    async def _work(self) -> None:
        """Run one batch after another for as long as there are rows."""
        while True:
            if not any(len(rows) >= BATCH for rows in self._rows.values()):
                await asyncio.sleep(_GATHER_SECONDS)
            for shape in [shape for shape, rows in self._rows.items() if not _wanted(rows)]:
                del self._rows[shape]
            if not self._rows:
                return
            shape = max(self._rows, key=lambda shape: len(self._rows[shape]))
            rows, self._rows[shape] = self._rows[shape][:BATCH], self._rows[shape][BATCH:]
            await self._answer_all(shape, rows)

    async def _answer_all(self, shape: _Shape, rows: list[_Row]) -> None:
        loop = asyncio.get_running_loop()
        try:
            completions = await loop.run_in_executor(self._thread, self._completions, shape, rows)
        except Exception as error:
            for row in rows:
                if not row.answer.done():
                    row.answer.set_exception(error)
            return
        for row, completion in zip(rows, completions, strict=True):
            if not row.answer.done():
                row.answer.set_result(completion)

    def _completions(self, shape: _Shape, rows: list[_Row]) -> list[Completion]:
        tokens = self._batch(rows, shape)
        return [
            self._completion(new, len(row.ids), shape.sampling)
            for row, new in zip(rows, tokens[: len(rows)], strict=True)
        ]

    def _batch(self, members: list[_Row], shape: _Shape) -> list[list[int]]:
        """The new tokens of each row, dummy rows included."""
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        tokenizer, model = _load(self._folder)
        length, sampling = shape.length, shape.sampling
        rows = [row.ids for row in members]
        rows += [rows[0]] * (BATCH - len(rows))
        ids = torch.full((BATCH, length), tokenizer.pad_token_id)
        mask = torch.zeros((BATCH, length), dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, length - len(tokens) :] = torch.tensor(tokens)
            mask[row, length - len(tokens) :] = 1
        row_seeds = [row.seed for row in members] + [0] * (BATCH - len(members))
        processors: list[Any] = [_OwnSeeds(row_seeds, sampling)]
        if form := _form(sampling):
            processors.insert(0, _OwnForms(self._folder, form, len(rows)))
        with torch.inference_mode():
            output = model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=shape.most,
                logits_processor=LogitsProcessorList(processors),
                stopping_criteria=StoppingCriteriaList([_Abandoned(members)]),
            )
        return output[:, length:].tolist()

    def _completion(self, tokens: list[int], prompt_tokens: int, sampling: Sampling) -> Completion:
        tokenizer, model = _load(self._folder)
        ends = _ends(model)
        cut = next((i for i, token in enumerate(tokens) if token in ends), None)
        text = tokenizer.decode(tokens[:cut], skip_special_tokens=True)
        stopped = min((text.find(stop) for stop in sampling.stop if stop in text), default=None)
        finished = cut is not None or stopped is not None
        count = len(tokens) if cut is None else cut + 1
        reason = FinishReason.STOP if finished else FinishReason.LENGTH
        return Completion(text[:stopped], reason, prompt_tokens, count)


class _Abandoned:
    """Ends a batch when nobody waits for any of its rows any more: a process cannot end before its threads."""

    def __init__(self, rows: list[_Row]) -> None:
        self._rows = rows

    def __call__(self, ids: Any, _: Any, **__: Any) -> Any:
        import torch

        return torch.full((len(ids),), all(row.answer.done() for row in self._rows))


class _OwnSeeds:
    """Sampling by the Gumbel-max rule: argmax(logits / T + noise) draws from softmax(logits / T).

    Each row's noise comes from its own generator, so greedy decoding over the sum samples every row independently.
    """

    def __init__(self, seeds: list[int], sampling: Sampling) -> None:
        import torch

        self._sampling = sampling
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, _: Any, scores: Any) -> Any:
        import torch

        if self._sampling.temperature == 0:
            return scores
        scores = scores / self._sampling.temperature
        if self._sampling.top_p < 1:
            ordered, order = scores.sort(descending=True)
            before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
            scores = scores.masked_fill((before >= self._sampling.top_p).gather(-1, order.argsort(-1)), -torch.inf)
        uniform = torch.stack([torch.rand(scores.shape[-1], generator=g) for g in self._generators])
        return scores - torch.log(-torch.log(uniform.clamp_min(1e-20)))


class _OwnForms:
    """Leaves each row the tokens with which it can still become what it must be; nothing else gets a chance.

    The end of the turn is among them once the form is complete; where nothing can follow, it is the only one.
    """

    def __init__(self, folder: Path, form: _Form, rows: int) -> None:
        matcher = _matcher(folder, form)
        self._matchers = [matcher.deep_copy() for _ in range(rows)]
        self._ends = _ends(_load(folder)[1])
        self._ended = [False] * rows
        self._started = False

    def __call__(self, ids: Any, scores: Any) -> Any:
        import numpy as np
        import torch
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        allowed = allocate_token_bitmask(*scores.shape)  # all ones: a row that has ended is padded, whatever is allowed
        last = ids[:, -1].tolist()
        for row, matcher in enumerate(self._matchers):
            if self._started and not self._ended[row]:
                matcher.consume_token(last[row])
                self._ended[row] = last[row] in self._ends
            if not self._ended[row]:
                fill_next_token_bitmask(matcher, allowed, row)
                if matcher.is_error():
                    raise RuntimeError(f"a form could not be kept to: {matcher.get_error()}")
        self._started = True
        bits = np.unpackbits(allowed.view(np.uint8), axis=1, count=scores.shape[1], bitorder="little")
        return scores.masked_fill(torch.from_numpy(bits == 0), -torch.inf)


_Form = tuple[str, str]


def _form(sampling: Sampling) -> _Form | None:
    """What the completion must be: (schema, choice or regex; its text)."""
    if sampling.schema is not None:
        return "schema", sampling.schema
    if sampling.choice:
        return "choice", json.dumps(sampling.choice, ensure_ascii=False)
    return ("regex", sampling.regex) if sampling.regex is not None else None


@cache
def _matcher(folder: Path, form: _Form) -> Any:
    """The form as a matcher at its start, to be copied; in error where it cannot be enforced.

    JSON without any space between its marks: a small model would ramble in them.
    """
    from llguidance import LLMatcher
    from llguidance.hf import from_tokenizer

    tokenizer, model = _load(folder)
    cutter = from_tokenizer(tokenizer, n_vocab=model.config.vocab_size, eos_token=sorted(_ends(model)))
    kind, text = form
    if kind == "schema":
        grammar = LLMatcher.grammar_from_json_schema(text, overrides={"whitespace_flexible": False})
    elif kind == "choice":  # texts in JSON are texts in Lark
        grammar = LLMatcher.grammar_from_lark("start: " + " | ".join(json.dumps(t) for t in json.loads(text)))
    else:
        grammar = LLMatcher.grammar_from_regex(text)
    return LLMatcher(cutter, grammar)


def _refusal(folder: Path, form: _Form) -> str:
    """Why this form cannot be enforced, in one line; empty where it can."""
    try:
        error = _matcher(folder, form).get_error()
    except ValueError as problem:
        error = f"it cannot be read: {problem}"
    return " ".join(error.split())


def _wanted(rows: list[_Row]) -> bool:
    """Drops the rows that nobody waits for any more; whether any are left."""
    rows[:] = [row for row in rows if not row.answer.done()]
    return bool(rows)


@cache
def _software() -> str:
    import torch
    import transformers

    return f"transformers {transformers.__version__}, torch {torch.__version__}, llguidance {version('llguidance')}"


def _ends(model: Any) -> set[int]:
    """The tokens that end the model's turn."""
    end = model.generation_config.eos_token_id
    return set(end) if isinstance(end, list) else {end}


# Teacher, judge, and of the students of a study the one that is asked.
@lru_cache(4)
def _load(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # One thread: the matrices are small, and sums do not depend on how many cores there are.
    torch.set_num_threads(1)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{folder} is not a model that can be loaded without code of its own: {first_line(error)}"
        ) from None
    model.eval()  # type: ignore[no-untyped-call]
    return tokenizer, model


@cache
def _content_hash(folder: Path, context: int) -> str:
    """12 hex digits over context, weights, configuration, tokenizer and template: what decides the answers."""
    digest = hashlib.sha256(f"engine {REVISION}, context {context}".encode())
    names = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
    for name in (*names, "chat_template.jinja"):
        path = folder / name
        if path.exists():
            digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
