"""A real Dagster, and a real browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require
from tests.e2e.pages import Dagster
from tests.e2e.server import Server, serving
from tests.recipes.small import math, recipe, write_recipe

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window, driven by Playwright."""
    found = os.environ.get("OT_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    require("chromium", bool(found), "no Chromium on the PATH; install it, or set OT_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers have a small /dev/shm; nothing here may call home.
        arguments = "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-sync"
        browser = playwright.chromium.launch(executable_path=found, args=arguments.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Dagster with small recipes beside the project's."""
    folder = tmp_path_factory.mktemp("served")
    write_recipes(folder / "recipes")
    with serving(folder) as running:
        yield running


def write_recipes(folder: Path) -> None:
    """small: as it is. short: asks for more rows than there are. sized: samples. slow: a teacher for minutes."""
    small = recipe()
    short = recipe() | {"name": "short", "dataset": {"rows": {"math": 99}}}
    sized, slow = recipe() | {"name": "sized"}, recipe() | {"name": "slow"}
    math(sized).insert(3, {"sample": {"use": "uniform", "n": 100, "seed": 1}})
    math(slow)[3] = {"answers": {"use": "teacher", "samples": 2000, "max_tokens": 64}}
    for body in (small, short, sized, slow):
        write_recipe(folder, body, f"{body['name']}.yaml")


@pytest.fixture
def ui(browser: Any, server: Server, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dagster]:
    """A fresh page. What it looked like at the end is kept, and it may have had no error of its own."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield Dagster(page, server, Path(os.environ.get("OT_SCREENSHOTS", tmp_path)))
    page.screenshot(path=tmp_path / f"{re.sub(r'[^a-z0-9_]', '_', request.node.name)}-end.png")
    page.close()
    assert not errors
