"""A store laid over another: what is there is found, what is new goes to a folder that is thrown away."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ot_resources.store import AssetName, Store, Version


class Overlay(Store):
    """`root` is the folder of its own; nothing is written below `beneath`, but that what is used there stays young."""

    beneath: str = Field(description="The store whose versions are found.")

    def lookup(self, kind: str, key: str) -> Version | None:
        return super().lookup(kind, key) or self._beneath.lookup(kind, key)

    def latest(self, asset: AssetName) -> Version | None:
        return super().latest(asset) or self._beneath.latest(asset)

    def note(self, version: Version, told: dict[str, Any]) -> None:
        """Nothing is noted in the store beneath."""

    @property
    def _beneath(self) -> Store:
        return Store(root=self.beneath)
