"""Benchmarks of programs in their publishers' own forms: what is asked, and the tests in ours.

LiveCodeBench (livecodebench/code_generation_lite): `public_test_cases` is a JSON list of `{input, output, testtype}`,
`private_test_cases` the same, pickled as a text, compressed, in base64. Of the type `functional` an input is one JSON
value a line, the arguments, and `metadata` names the function; `starter_code` begins the answer.
Codeforces (open-r1/codeforces): `official_tests` are pairs of `{input, output}`; the statement is in several parts.
"""

from __future__ import annotations

import base64
import json
import pickletools
import zlib
from collections.abc import Callable
from typing import Any

from ot_assets.strategies.verify.verdict import Row

# What LiveCodeBench's solutions may use without saying so.
_SETUP = (
    "from typing import *\nfrom collections import *\nfrom itertools import *\nfrom functools import *\nimport math"
)
# A text, and nothing else, comes of a pickle that has only these; nothing of it is run.
_TEXT_ONLY = frozenset(
    {"PROTO", "FRAME", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "MEMOIZE", "BINPUT", "LONG_BINPUT", "STOP"}
)
_LONGEST = 2**28


class BadRow(ValueError):
    """A row is not as its publisher says; the message says what is wrong with it, in one line."""


def livecodebench(row: Row) -> Row:
    """The question with its starter code, and all of its tests."""
    extra = _extra(row)
    cases = _listed(extra.get("public_test_cases")) + _private(extra.get("private_test_cases"))
    if not cases:
        return row
    starter = (extra.get("starter_code") or "").strip()
    question = f"{row['question']}\n\n{starter}" if starter else row["question"]
    if any(case.get("testtype") == "functional" for case in cases):
        name = (_json(extra.get("metadata")) or {}).get("func_name")
        if not isinstance(name, str):
            raise BadRow("functional tests, and no func_name in metadata")
        tests = {
            "kind": "call",
            "setup": _SETUP,
            "fn_name": name,
            "inputs": [[json.loads(line) for line in case["input"].splitlines() if line.strip()] for case in cases],
            "outputs": [json.loads(case["output"]) for case in cases],
        }
    else:
        tests = {"kind": "stdin", **_streams(cases)}
    return row | {"question": question, "tests": json.dumps(tests)}


def codeforces(row: Row) -> Row:
    """The whole statement, and its tests where the publisher has all of them and one output is right.

    A problem with a checker of its own, or whose tests are cut, has none.
    """
    extra = _extra(row)
    parts = [row["question"]]
    for title in ("input_format", "output_format", "note"):
        if extra.get(title):
            parts.append(f"{title.replace('_', ' ').capitalize()}\n{extra[title]}")
    for example in _listed(extra.get("examples")):
        parts.append(f"Example input\n{example['input']}\nExample output\n{example['output']}")
    cases = _listed(extra.get("official_tests"))
    whole = extra.get("official_tests_complete") in (True, "true") and not extra.get("generated_checker")
    asked = row | {"question": "\n\n".join(part for part in parts if part)}
    return asked | {"tests": json.dumps({"kind": "stdin", **_streams(cases)})} if whole and cases else asked


ADAPTERS: dict[str, Callable[[Row], Row]] = {"livecodebench": livecodebench, "codeforces": codeforces}


def adapted(row: Row, adapter: str) -> Row:
    """The row as it is asked and verified. BadRow: it is not of the publisher's form."""
    if (row["tests"] or "").strip():
        return row  # a stand-in has tests of its own
    try:
        return ADAPTERS[adapter](row)
    except BadRow:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise BadRow(f"not as {adapter} has it: {type(error).__name__}: {error}") from None


def _streams(cases: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {"inputs": [case["input"] for case in cases], "outputs": [case["output"] for case in cases]}


def _extra(row: Row) -> dict[str, Any]:
    return dict(_json(row["extra"]) or {})


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.strip() else value


def _listed(value: Any) -> list[dict[str, Any]]:
    return list(_json(value) or [])


def _private(text: Any) -> list[dict[str, Any]]:
    if not text:
        return []
    if text.lstrip().startswith("["):
        return _listed(text)
    unpacked = zlib.decompressobj()
    raw = unpacked.decompress(base64.b64decode(text), _LONGEST)
    if unpacked.unconsumed_tail:
        raise BadRow(f"private tests of more than {_LONGEST:,} bytes")
    return _listed(_pickled_text(raw))


def _pickled_text(raw: bytes) -> str:
    """The text of a pickle that is one text; it is read by its opcodes, never run."""
    found: list[str] = []
    for opcode, value, _ in pickletools.genops(raw):
        if opcode.name not in _TEXT_ONLY:
            raise BadRow(f"private tests are a pickle of more than a text ({opcode.name})")
        if opcode.name.endswith(("UNICODE", "UNICODE8")):
            found.append(str(value))
    if len(found) != 1:
        raise BadRow("private tests are no pickled text")
    return found[0]
