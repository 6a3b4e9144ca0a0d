"""YAML as plain data, by the C parser where there is one: the catalogue is long, and every command reads it."""

from __future__ import annotations

from typing import Any

import yaml

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str) -> Any:
    """The one document in `text`: mappings, lists, texts, numbers, dates. YAMLError where it is not YAML."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
