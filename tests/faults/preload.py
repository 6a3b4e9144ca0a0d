"""Imports all that a run needs, and loads the embedded teacher: for a fork server, whose children start with it."""

from __future__ import annotations

import dagster._core.execution.api
import transformers.generation.utils

import ot_assets.cli.run
from ot_assets.strategies import registry
from ot_resources.generators import TEACHER_FOLDER, embedded

__all__ = ["dagster", "ot_assets", "transformers"]

list(registry.every())
embedded._load(TEACHER_FOLDER)
