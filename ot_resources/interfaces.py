"""What the stages may ask of the outside world: Protocols with their request and response types.

Strategies import this module and nothing else of `ot_resources`, so that any engine, embedder or sandbox
can stand behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np


class BadInput(ValueError):
    """What the user gave cannot be used. The message is one line: what, where, what would be right (exit 2)."""


@dataclass(frozen=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 is greedy; `max_tokens` counts completion tokens only.

    At most one of the last three: the completion is then JSON that satisfies `schema` (the text of a JSON schema), one
    of the texts of `choice`, or a text that `regex` matches as a whole, unless it is cut off. The properties of a
    schema are written in the order in which it names them, so its keys must not be sorted.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 4096
    stop: tuple[str, ...] = ()
    schema: str | None = None
    choice: tuple[str, ...] = ()
    regex: str | None = None


@dataclass(frozen=True)
class Request:
    """One completion asked of a model. `sample` numbers the draws of the same question from 0."""

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    sample: int = 0


class FinishReason(StrEnum):
    """Why a completion ended.

    Of the last three there is no use, and `Response.error` says why: what the endpoint held back (it was paid for, and
    is kept), what could not be answered, what was not asked because a budget was spent.
    """

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    ERROR = "error"
    PENDING = "pending"


@dataclass(frozen=True)
class Response:
    """One completion. `text` is what the model wrote; `reasoning` and `answer` are its two halves.

    `reasoning` is None when the text holds no closed reasoning block; `answer` is then the whole text.
    """

    response_id: str
    model: str
    text: str
    reasoning: str | None
    answer: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    error: str | None = None


@runtime_checkable
class Generator(Protocol):
    """A model that answers. `model` names it with its revision, so that it can bear identity."""

    @property
    def model(self) -> str: ...

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield one response a request, in the order of the requests, as they become durable.

        Many are in flight at once, and `requests` is read ahead of the responses. Where what is asked next depends on
        answers, `requests` gives None for "nothing until there are more responses", and is read on after the next ones.
        A request that cannot be answered comes back with its `error`; it does not stop the others.
        """
        ...


@runtime_checkable
class Embedder(Protocol):
    """A model that maps texts to unit vectors."""

    @property
    def model(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (texts, dimensions), rows of length 1."""
        ...


@runtime_checkable
class Tokenizer(Protocol):
    """Cuts a text into the units that n-grams are counted in. `name` is recorded in lineage."""

    @property
    def name(self) -> str: ...

    def tokens(self, text: str) -> Sequence[Hashable]: ...


@runtime_checkable
class PlacedTokenizer(Tokenizer, Protocol):
    """A tokenizer that knows where in the text its tokens are, and numbers those of many texts at once."""

    def span(self, text: str, first: int, n: int) -> tuple[int, int]:
        """[start, end) in characters of `text`, of n of its tokens, from number `first` on."""
        ...

    def numbers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """UInt64, one for each token of the texts, one text after the other, and Int64, where each text's tokens end.

        Equal tokens have equal numbers; different ones may, rarely, share one.
        """
        ...


class ExecutionStatus(StrEnum):
    """How one case of a job ended. Only `ok` means that the program ran to its end with exit code 0."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Job:
    """One Python program and the standard inputs it is run on, each run in a fresh state.

    With a `checker`, a program in a process of its own, `source` has no streams: the checker reads the input and says
    what it found, and its end is that of the case. The two are joined by pipes, file descriptors 3 (to read) and
    4 (to write) of either. The memory of the one never held anything of the other.

    Limits: `seconds` of wall clock a case, `memory_mb` of address space a process, `output_kb` of captured output a
    stream. With `stop_at_failure` the cases after one that did not end ok are not run: they come back `unavailable`.
    """

    source: str
    stdins: tuple[str, ...] = ("",)
    seconds: float = 4.0
    memory_mb: int = 512
    output_kb: int = 256
    stop_at_failure: bool = False
    checker: str | None = None


@dataclass(frozen=True)
class Execution:
    """What one case of a job did. `stderr` holds the last lines only."""

    status: ExecutionStatus
    stdout: str
    stderr: str
    seconds: float


@runtime_checkable
class Sandbox(Protocol):
    """Runs programs that nobody has read. Nothing they do reaches this process, the disk or the network."""

    @property
    def name(self) -> str: ...

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Execution, ...]]:
        """One tuple of executions a job, in the order of the jobs and of their `stdins`."""
        ...


@dataclass(frozen=True)
class Training:
    """How a student is fine-tuned on conversations: all of its weights, or a LoRA adapter of rank `lora`.

    `base` is a folder in transformers' format by its absolute path, a name on the Hub, or empty for the environment's
    own student; `revision` is the commit of one on the Hub, empty its main branch. `batch` counts sequences a step over
    all devices, `warmup` is a share of the steps, `context` counts tokens; a conversation that is longer is cut there.
    AdamW with (0.9, 0.999), a cosine to zero.
    """

    base: str = ""
    epochs: float = 5.0
    batch: int = 128
    rate: float = 4e-5
    warmup: float = 0.1
    context: int = 16_384
    weight_decay: float = 0.0
    packing: bool = False
    lora: int | None = None
    revision: str = ""


@dataclass(frozen=True)
class Trained:
    """What came of one training. `student` names it for `Students.open`; with an `error` there is none.

    `tokens` were learned from, over all epochs; `loss` is the mean over the last tenth of the steps.
    """

    seed: int
    student: str
    base: str
    rows: int
    tokens: int
    steps: int
    loss: float
    seconds: float
    error: str | None = None


@runtime_checkable
class Students(Protocol):
    """Models that are fine-tuned here, kept, and asked."""

    def train(
        self, rows: Callable[[], Iterable[tuple[Message, ...]]], training: Training, seeds: Sequence[int]
    ) -> Iterator[Trained]:
        """Train one student a seed, and yield what came of each, in the order of the seeds.

        `rows` may be read more than once, and gives the same conversations each time. One that was trained on the same
        rows in the same way is not trained again, and one that was interrupted goes on from its last checkpoint. A
        training whose loss is no number ends with an `error` and does not stop the others.
        """
        ...

    def open(self, student: str) -> AbstractContextManager[Generator]:
        """The student as a model that answers."""
        ...

    def export(
        self, rows: Callable[[], Iterable[tuple[Message, ...]]], training: Training, seeds: Sequence[int]
    ) -> Iterator[Trained]:
        """Write what it takes to train elsewhere, a folder a seed. Nothing was trained: no tokens, seconds or loss."""
        ...

    def scores(self, student: str) -> Iterator[tuple[str, str]]:
        """The files (name, text) of scores that were handed in for a student that is asked elsewhere."""
        ...
