"""The one switch: which resources stand behind the graph in each environment (OT_ENV)."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pydantic
import yaml
from pydantic import Field

from ot_resources import sandboxes
from ot_resources.embedder import SentenceEmbedder
from ot_resources.files import first_line
from ot_resources.generators import JUDGE_FOLDER, parse_spec
from ot_resources.generators.budget import Budget
from ot_resources.generators.resource import LanguageModel
from ot_resources.generators.teachers import Teachers
from ot_resources.hub import SAMPLES, Hub
from ot_resources.interfaces import BadInput
from ot_resources.sandboxes.resource import CodeSandbox
from ot_resources.store import Store
from ot_resources.students import EMBEDDED, named_base
from ot_resources.students.resource import StudentModels
from ot_resources.unfinished import beside
from ot_resources.warehouse import Warehouse

PROJECT = Path(__file__).parents[1]
ENVIRONMENTS = ("local", "gpu", "cluster")


class Sizing(dg.ConfigurableResource):  # type: ignore[type-arg]
    """How large a run is. Every parameter that counts rows is multiplied by the scale."""

    environment: str = Field(default="local", description="local, gpu or cluster (OT_ENV).")
    # A number in any case, so that the launchpad shows it.
    scale: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Share of the published size, e.g. 0.00192. 0: the recipe's own for the environment.",
    )
    budget: str = Field(
        default="",
        description="What one run may spend on new requests, e.g. tokens=5e6,money=10,hours=2 (OT_BUDGET). What is"
        " in flight is finished; the stage ends with what is there, marked partial, and the next run goes on.",
    )


def environment() -> str:
    """The value of OT_ENV, checked."""
    name = os.environ.get("OT_ENV", "local")
    if name not in ENVIRONMENTS:
        raise BadInput(f"OT_ENV={name}: unknown environment; there is: {', '.join(ENVIRONMENTS)}")
    return name


def data_root() -> Path:
    """Where runs write (OT_DATA, default data/ of the project)."""
    root = Path(os.environ.get("OT_DATA", PROJECT / "data")).resolve()
    if any(mark in str(root) for mark in "*?[]"):
        raise BadInput(f"OT_DATA={root}: a folder with '*', '?', '[' or ']' in its path cannot hold tables")
    return root


def resources() -> dict[str, dg.ConfigurableResource]:  # type: ignore[type-arg]
    """The resources of the environment, by the name that assets ask for."""
    name, root = environment(), data_root()
    tokenizer = os.environ.get("OT_TOKENIZER", "words" if name == "local" else "Qwen/Qwen2-7B-Instruct")
    return {
        "sizing": Sizing(environment=name, scale=default_scale(), budget=default_budget()),
        "store": Store(root=str(root)),
        "warehouse": Warehouse(root=str(root)),
        "hub": Hub(
            samples=str(SAMPLES) if name == "local" else "",
            cache=str(root / "hub"),
            lock=str(PROJECT / "revisions.lock"),
            tokenizer=tokenizer,
        ),
        "teacher": _language_model("OT_TEACHER", root),
        "judge": _judge(root),
        "teachers": _teachers(root),
        "students": _students(root, name),
        "sandbox": _sandbox(),
        "embedder": SentenceEmbedder(),
    }


def dagster_home() -> Path:
    """Dagster's own folder under the data root, with the project's dagster.yaml in it."""
    home = data_root() / "dagster"
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = home / "dagster.yaml"
        if not file.exists() or file.read_bytes() != (PROJECT / "dagster.yaml").read_bytes():
            temporary = beside(file)  # another run may be reading it
            shutil.copyfile(PROJECT / "dagster.yaml", temporary)
            temporary.replace(file)
    except OSError as error:
        raise BadInput(f"OT_DATA={data_root()}: cannot be written ({error.strerror})") from None
    return home


def default_scale() -> float:
    """The scale of a run that does not say its own: OT_SCALE, else 0."""
    text = os.environ.get("OT_SCALE")
    if not text:
        return 0.0
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    return checked_scale(scale, f"OT_SCALE={text}")


def default_budget() -> str:
    """What a run may spend that does not say its own: OT_BUDGET, checked."""
    text = os.environ.get("OT_BUDGET", "")
    Budget.parse(text, f"OT_BUDGET={text}")
    return text


def checked_scale(scale: float, where: str) -> float:
    """The scale, if it can be one; BadInput starts with `where`."""
    if not 0 < scale < math.inf:
        raise BadInput(f"{where}: the scale is a number above 0, e.g. 0.00192")
    return scale


def _sandbox() -> CodeSandbox:
    kind = os.environ.get("OT_SANDBOX", sandboxes.STRONGEST)
    if kind not in (sandboxes.STRONGEST, *sandboxes.NAMES):
        raise BadInput(f"OT_SANDBOX={kind}: unknown sandbox; there is: {', '.join(sandboxes.NAMES)}")
    return CodeSandbox(kind=kind)


def _students(root: Path, name: str) -> StudentModels:
    """Students are trained and asked on the CPU on `local`, elsewhere on the machine's GPUs."""
    base, on_gpu = named_base(name), name != "local"
    if base not in ("", EMBEDDED):
        if Path(base).is_dir():
            base = str(Path(base).resolve())
        elif not on_gpu:
            raise BadInput(f"OT_STUDENT={base}: no such folder; on OT_ENV=local a student is `embedded` or a folder")
        elif base.startswith(("/", ".")):
            raise BadInput(f"OT_STUDENT={base}: no such folder; it holds a model in transformers' format")
    return StudentModels(root=str(root), base=base, engine="vllm" if on_gpu else "embedded", on_gpu=on_gpu)


def _judge(root: Path) -> LanguageModel:
    """OT_JUDGE, else the teacher that was named, else the embedded judge."""
    named = next((name for name in ("OT_JUDGE", "OT_TEACHER") if name in os.environ), None)
    if named or environment() != "local":
        return _language_model(named or "OT_TEACHER", root)
    return _language_model("OT_JUDGE", root, f"embedded:{JUDGE_FOLDER}")


def _teachers(root: Path) -> Teachers:
    """OT_TEACHERS: a YAML or JSON mapping of the names in studies to models."""
    text = os.environ.get("OT_TEACHERS", "")
    shape = "write e.g. {QwQ-32B: 'server:Qwen/QwQ-32B@http://localhost:8000/v1'}"
    try:
        named = yaml.safe_load(text) if text else {}
    except yaml.YAMLError as error:
        raise BadInput(f"OT_TEACHERS: {first_line(error)}; {shape}") from None
    if not isinstance(named, dict) or not all(isinstance(part, str) for pair in named.items() for part in pair):
        raise BadInput(f"OT_TEACHERS: a mapping of names to engine[:model[@url]]; {shape}")
    settings = _settings("OT_TEACHER_OPTIONS")
    for name, spec in named.items():
        parts = parse_spec(spec, f"OT_TEACHERS: {name}")
        if parts["url"]:
            # The resource's configuration is shown: an address with a password must not get there.
            try:
                LanguageModel(**parts, **settings, ledger=str(root / "ledger")).check()
            except BadInput as error:
                raise BadInput(f"OT_TEACHERS: {name}: {error}") from None
    return Teachers(named=named, options=settings, ledger=str(root / "ledger"))


def _language_model(variable: str, root: Path, default: str = "embedded") -> LanguageModel:
    if variable not in os.environ and environment() != "local":
        raise BadInput(f"OT_ENV={environment()}: say which teacher with OT_TEACHER; the embedded one is for local runs")
    spec = os.environ.get(variable, default)
    settings = _settings(f"{variable}_OPTIONS")
    try:
        model = LanguageModel(**parse_spec(spec, f"{variable}={spec}"), **settings, ledger=str(root / "ledger"))
        model.check()
        return model
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInput(f"{variable}_OPTIONS: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _settings(variable: str) -> dict[str, Any]:
    """Further fields of LanguageModel, as a YAML or JSON mapping in an environment variable."""
    text = os.environ.get(variable, "")
    try:
        found = yaml.safe_load(text) if text else {}
    except yaml.YAMLError as error:
        raise BadInput(
            f"{variable}: {first_line(error)}; write e.g. {{concurrency: 128, price_output: 2.19}}"
        ) from None
    known = sorted(set(LanguageModel.model_fields) - {"engine", "model", "url", "ledger"})
    if not isinstance(found, dict):
        raise BadInput(f"{variable}: not a mapping; write e.g. {{concurrency: 128, price_output: 2.19}}")
    for name in found:
        if name not in known:
            raise BadInput(f"{variable}: a model has no '{name}'; there is: {', '.join(known)}")
    return found
