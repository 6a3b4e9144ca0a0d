"""A model as a configuration says it: which one, how it is run, what it costs. Nothing here knows Dagster."""

from __future__ import annotations

from pydantic import BaseModel, Field, FiniteFloat

from ot_resources.digest import short_hash
from ot_resources.generators import residents
from ot_resources.generators.budget import UNLIMITED, Budget
from ot_resources.generators.engine import Engine, Options
from ot_resources.generators.engines import open_engine, takes_accelerator
from ot_resources.generators.flight import Patience, Runner
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.generators.usage import Price
from ot_resources.interfaces import BadInput


class ModelSettings(BaseModel):
    """A model that answers questions, with the ledger in front of it. Nothing is loaded before the first request."""

    engine: str = Field(
        default="embedded",
        description="What runs the model: embedded (transformers, on the CPU), vllm (in this process), or server: the"
        " endpoint at `url`, or without one vLLM's own server, started and ended by us.",
    )
    model: str = Field(
        default="",
        description="A folder in transformers' format, a name on the Hub, or the name that an endpoint knows."
        " Empty: the embedded teacher.",
    )
    url: str = Field(default="", description="Address of an OpenAI-compatible endpoint, e.g. http://localhost:8000/v1.")
    api_key_variable: str = Field(
        default="OT_API_KEY", description="Name of the environment variable with the endpoint's key; never the key."
    )
    revision: str = Field(default="", description="Commit of a model on the Hub. Empty: its main branch.")
    dtype: str = Field(default="auto", description="Numbers of the weights: auto, bfloat16, float16, float32 (vLLM).")
    context: int = Field(
        default=0,
        ge=0,
        description="Tokens of prompt and completion together; longer completions are cut."
        " 0: what the model was made for; embedded: 512.",
    )
    tensor_parallel: int = Field(default=1, ge=1, description="GPUs that share one model (vLLM).")
    quantization: str = Field(default="", description="How weights are quantised, e.g. fp8 (vLLM). Empty: as stored.")
    lora: str = Field(default="", description="Folder of a LoRA adapter (vLLM).")
    memory: FiniteFloat = Field(default=0.9, gt=0, le=1, description="Share of the GPU's memory to take (vLLM).")
    concurrency: int = Field(default=0, ge=0, description="Requests in flight at most. 0: the engine's own number.")
    together: bool = Field(
        default=False, description="Load it beside other models; else one at a time holds the accelerator."
    )
    seeds: bool = Field(default=False, description="Send each request a seed of its own. embedded always has one.")
    timeout: FiniteFloat = Field(default=1800.0, gt=0, description="Seconds that one request to an endpoint may take.")
    attempts: int = Field(default=5, ge=1, description="Tries of a request before its row is given up for this run.")
    breaker: int = Field(
        default=20, ge=1, description="Requests that fail one after another before all wait and one at a time tries."
    )
    pause: FiniteFloat = Field(
        default=1.0, gt=0, description="Seconds before a second try; doubled each time, up to 60."
    )
    unanswered: FiniteFloat = Field(
        default=600.0,
        gt=0,
        description="Seconds without any answer from a failing endpoint before the stage ends.",
    )
    restarts: int = Field(default=2, ge=0, description="How often an engine that died is started again in one stage.")
    price_input: FiniteFloat = Field(default=0.0, ge=0, description="Money for a million tokens read.")
    price_output: FiniteFloat = Field(default=0.0, ge=0, description="Money for a million tokens written.")
    price_hour: FiniteFloat = Field(default=0.0, ge=0, description="Money for an hour of the engine.")
    ledger: str = Field(description="Folder of the response store. Everything asked is kept and never asked again.")

    @property
    def identity(self) -> str:
        """The model with the hash of its weights, tokenizer and template, or its revision; nothing is loaded."""
        return self._engine().model

    def check(self) -> None:
        """BadInput: what can be known to be wrong without loading the model, or asking an endpoint."""
        self._engine()

    @property
    def price(self) -> Price:
        return Price(self.price_input, self.price_output, self.price_hour)

    def generator(self, run_id: str, asset: str, budget: Budget = UNLIMITED) -> LedgeredGenerator:
        """A Generator for one stage of one run, with its own usage counts. Close its ledger after use.

        BadInput: a budget of money, and no price.
        """
        if budget.money is not None and not self.price.known and self.engine != "embedded":
            what = f"{self.engine}:{self.model}"
            raise BadInput(f"a budget of money, and no price for {what}: set price_output or price_hour (OPTIONS)")
        return LedgeredGenerator(
            self.identity,
            self._runner,
            Ledger(self.ledger),
            run_id,
            asset,
            patience=Patience(
                attempts=self.attempts,
                breaker=self.breaker,
                pause=self.pause,
                unanswered=self.unanswered,
                restarts=self.restarts,
            ),
            budget=budget,
            price=self.price,
        )

    def release(self) -> None:
        """Let go of the model, unless somebody is asking it."""
        residents.release(self._name)

    @property
    def _name(self) -> str:
        how = self._options
        return short_hash([self.engine, self.model, self.url, self.api_key_variable, vars(how)])

    def _runner(self) -> Runner:
        alone = takes_accelerator(self.engine, self.url) and not self.together
        return residents.runner(self._name, self._engine, alone)

    @property
    def _options(self) -> Options:
        return Options(
            revision=self.revision or None,
            dtype=self.dtype,
            context=self.context or None,
            tensor_parallel=self.tensor_parallel,
            quantization=self.quantization or None,
            lora=self.lora or None,
            memory=self.memory,
            concurrency=self.concurrency or None,
            timeout=self.timeout,
            seeds=self.seeds,
        )

    def _engine(self) -> Engine:
        return open_engine(self.engine, self.model, self.url, self._options, self.api_key_variable)
