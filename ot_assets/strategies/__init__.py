"""The choices: one folder a stage, one file a strategy. `apply` runs any of them on a frame, without Dagster."""

from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.running import apply

__all__ = ["Split", "apply", "strategy"]
