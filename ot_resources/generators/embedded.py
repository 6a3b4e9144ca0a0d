"""The embedded teacher: a causal language model of about a million parameters, run through transformers on the CPU.

Every request samples with a seed of its own in a batch of a fixed shape, so an answer depends on its request alone:
not on its neighbours, not on where a killed run was resumed. A request with a schema samples only tokens that keep to
it; which those are follows from the tokens of its own row.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ot_resources.files import first_line
from ot_resources.generators.engine import Completion
from ot_resources.interfaces import BadInput, FinishReason, Request, Sampling

# Raised by hand when the engine answers the same request otherwise: padding, batches, noise, stopping.
REVISION = 1
BATCH = 64
# Prompts are padded to one of these lengths (tokens). A batch holds one length only: another shape would move the
# logits by rounding errors, and with them a sample now and then.
PROMPT_LENGTHS = (64, 128, 256)
# Most answers are shorter than this (tokens).
_SOON = 128

_Prompt = tuple[int, list[int]]  # the request's position, and its tokens


class EmbeddedEngine:
    """Runs the model in `folder` (a transformers checkpoint with safetensors and a chat template)."""

    def __init__(self, folder: str | Path, context: int = 512) -> None:
        self._folder = Path(folder)
        if not (self._folder / "model.safetensors").exists():
            raise BadInput(f"no model in {folder}: expected model.safetensors, config.json and a tokenizer")
        self._context = context

    @property
    def name(self) -> str:
        import torch
        import transformers

        guidance = version("llguidance")
        return f"transformers {transformers.__version__}, torch {torch.__version__}, llguidance {guidance}"

    @property
    def model(self) -> str:
        return f"embedded:{self._folder.name}@{_content_hash(self._folder, self._context)}"

    def complete(self, requests: Sequence[Request], seeds: Sequence[int]) -> Iterator[tuple[int, Completion]]:
        tokenizer, _ = _load(self._folder)
        groups: dict[tuple[int, Sampling], list[_Prompt]] = defaultdict(list)
        for position, request in enumerate(requests):
            chat = [{"role": m.role, "content": m.content} for m in request.messages]
            ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
            length = next((length for length in PROMPT_LENGTHS if len(ids) <= length), None)
            schema = request.sampling.schema
            if schema is not None and (refusal := _refusal(self._folder, schema)):
                yield (
                    position,
                    Completion(
                        "", FinishReason.ERROR, len(ids), 0, f"schema that cannot be kept to: {refusal}", final=True
                    ),
                )
            elif length is None:
                error = f"prompt of {len(ids)} tokens is longer than the {PROMPT_LENGTHS[-1]} that the model reads"
                yield position, Completion("", FinishReason.ERROR, len(ids), 0, error, final=True)
            else:
                groups[length, request.sampling].append((position, ids))
        for (length, sampling), members in groups.items():
            yield from self._group(members, seeds, length, sampling)

    def _group(
        self, members: list[_Prompt], seeds: Sequence[int], length: int, sampling: Sampling
    ) -> Iterator[tuple[int, Completion]]:
        """Prompts of one padded length, in batches. Whoever is not done soon is asked again with those like it.

        One rambling row would hold its whole batch for as long as it lasts. Asking again gives the same tokens, since a
        row's tokens depend on its seed and on shapes that are the same in both passes.
        """
        limit = min(sampling.max_tokens, self._context - length)
        for most in sorted({min(_SOON, limit), limit}):
            slow: list[_Prompt] = []
            for start in range(0, len(members), BATCH):
                batch = members[start : start + BATCH]
                for member, tokens in zip(batch, self._batch(batch, seeds, length, sampling, most), strict=False):
                    completion = self._completion(tokens, len(member[1]), sampling)
                    if completion.finish_reason == FinishReason.LENGTH and most < limit:
                        slow.append(member)
                    else:
                        yield member[0], completion
            members = slow

    def _batch(
        self, members: list[_Prompt], seeds: Sequence[int], length: int, sampling: Sampling, limit: int
    ) -> list[list[int]]:
        """The new tokens of each row, dummy rows included."""
        import torch
        from transformers import LogitsProcessorList

        tokenizer, model = _load(self._folder)
        rows = [ids for _, ids in members]
        rows += [rows[0]] * (BATCH - len(rows))
        ids = torch.full((BATCH, length), tokenizer.pad_token_id)
        mask = torch.zeros((BATCH, length), dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, length - len(tokens) :] = torch.tensor(tokens)
            mask[row, length - len(tokens) :] = 1
        row_seeds = [seeds[position] for position, _ in members] + [0] * (BATCH - len(members))
        processors: list[Any] = [_OwnSeeds(row_seeds, sampling)]
        if sampling.schema is not None:
            processors.insert(0, _OwnSchemas(self._folder, sampling.schema, len(rows)))
        with torch.inference_mode():
            output = model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=limit,
                logits_processor=LogitsProcessorList(processors),
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


class _OwnSchemas:
    """Leaves each row the tokens with which it can still become JSON of the schema; nothing else gets a chance.

    The end of the turn is among them once the JSON is closed, and then it is the only one.
    """

    def __init__(self, folder: Path, schema: str, rows: int) -> None:
        matcher = _matcher(folder, schema)
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
                    raise RuntimeError(f"a schema could not be kept to: {matcher.get_error()}")
        self._started = True
        bits = np.unpackbits(allowed.view(np.uint8), axis=1, count=scores.shape[1], bitorder="little")
        return scores.masked_fill(torch.from_numpy(bits == 0), -torch.inf)


@cache
def _matcher(folder: Path, schema: str) -> Any:
    """The schema as a matcher at its start, to be copied; in error where the schema cannot be enforced.

    JSON without any space between its marks: a small model would ramble in them.
    """
    from llguidance import LLMatcher
    from llguidance.hf import from_tokenizer

    tokenizer, model = _load(folder)
    cutter = from_tokenizer(tokenizer, n_vocab=model.config.vocab_size, eos_token=sorted(_ends(model)))
    return LLMatcher(cutter, LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False}))


def _refusal(folder: Path, schema: str) -> str:
    """Why this schema cannot be enforced, in one line; empty where it can."""
    try:
        error = _matcher(folder, schema).get_error()
    except ValueError as problem:
        error = f"it is not JSON: {problem}"
    return " ".join(error.split())


def _ends(model: Any) -> set[int]:
    """The tokens that end the model's turn."""
    end = model.generation_config.eos_token_id
    return set(end) if isinstance(end, list) else {end}


@cache
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
