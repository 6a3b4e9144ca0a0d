"""YAML as plain data, by the C parser where there is one: the catalogue is long, and every command reads it."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import yaml

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Far more than any recipe has; aliases of aliases come to any number.
_MOST_VALUES = 20_000
_LARGEST = 2**53


def parse(text: str) -> Any:
    """The one document in `text`: mappings by text, lists, texts, finite numbers, true, false and null.

    YAMLError where it is not YAML, or holds anything else; the message is one line.
    """
    loader = _Loader(text)
    try:
        document = loader.get_single_data()
    except (ValueError, TypeError) as error:
        raise yaml.YAMLError(f"a value cannot be read ({error})") from None
    finally:
        loader.dispose()
    _check(document)
    return document


def _check(document: Any) -> None:
    waiting, seen = [document], 0
    while waiting:
        value, seen = waiting.pop(), seen + 1
        if seen > _MOST_VALUES:
            raise yaml.YAMLError(f"more than {_MOST_VALUES:,} values; aliases count each time")
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
            for key in value:
                if not isinstance(key, str):
                    raise yaml.YAMLError(f"the key {str(key)[:40]} is no text; put it in quotes")
        elif isinstance(value, list):
            waiting += value
        else:
            _check_plain(value)


def _check_plain(value: Any) -> None:
    if isinstance(value, date):
        raise yaml.YAMLError(f"{value} is read as a date; put it in quotes")
    if not isinstance(value, str | int | float | bool | None):
        raise yaml.YAMLError(f"a value of the kind {type(value).__name__} has no place here")
    if isinstance(value, str) and "\0" in value:
        raise yaml.YAMLError("a text holds the character NUL")
    if isinstance(value, float) and not math.isfinite(value):
        raise yaml.YAMLError(f"{value} is no number to work with")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise yaml.YAMLError(f"{str(value)[:40]} is too large a number")
