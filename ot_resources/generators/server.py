"""Any OpenAI-compatible endpoint as an engine: vLLM, SGLang, llama.cpp, Ollama, or somebody's API."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ot_resources.generators.engine import (
    Completion,
    Options,
    Throttled,
    TimedOut,
    TryAgain,
    Unreachable,
    refused,
    spelled,
)
from ot_resources.generators.reply import is_throttling, one_line, read_completion, room, said, throttled
from ot_resources.interfaces import BadInput, Request, Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

CONCURRENCY = 64
# Seconds.
_CONNECTING = 30.0
_ASKING_WHAT_THERE_IS = 10.0
# Servers close idle connections, vLLM's after 5 seconds; a request sent at that moment would be lost.
_KEEP_ALIVE = 4.0
# An endpoint that counts tokens otherwise than it said is asked with fewer so many times.
_LOWERED = 2
# What an API adds to the name of a model: the day or number of its version.
_VERSION = re.compile(r"(?:[@:].*|(?:-\d{3,}|-\d\d)*)")


class ServerEngine:
    """Asks `model` of the endpoint at `url` (`http://host:8000/v1`; a URL without a path gets `/v1`).

    `identity` names the model where the endpoint's name for it does not, the weights of a folder for one. `key` goes to
    this address only: redirects are not followed, and no proxy is used. Of `options` it reads revision (as a name: an
    endpoint is not asked for it), concurrency (64), timeout, seeds and context, the most that `max_tokens` is; an
    endpoint that tells a smaller one is refused. `max_tokens` that are more than the endpoint takes are lowered to what
    fits, so that the answer is cut off as it is anywhere else.
    """

    def __init__(
        self,
        model: str,
        url: str,
        options: Options,
        identity: str | None = None,
        key: str | None = None,
        variable: str = "OT_API_KEY",
    ) -> None:
        if not model:
            raise BadInput(f"{url}: no model named; expected server:NAME@URL")
        self._asked = model
        self._url = _checked(url)
        self._options = options
        self._identity = identity
        self._variable = variable
        self._key = _printable(key, variable)
        self._software = ""
        self._answered = False
        self._names = {model.casefold(), model.rpartition("/")[2].casefold()}
        self._most: int | None = options.context
        self._session: aiohttp.ClientSession | None = None
        self.concurrency = options.concurrency or CONCURRENCY

    @property
    def name(self) -> str:
        """With the software behind it once it has started and where it says so."""
        return f"server {self._url}{self._software}"

    @property
    def model(self) -> str:
        name = self._identity or self._asked
        return f"{name}@{self._options.revision}" if self._options.revision else name

    async def start(self) -> None:
        """Ask the endpoint once what it has. BadInput: it is not there, knows no such model, or wants another key."""
        import aiohttp

        await self.stop()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.concurrency, keepalive_timeout=_KEEP_ALIVE),
            timeout=aiohttp.ClientTimeout(total=self._options.timeout, sock_connect=_CONNECTING),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            # What comes packed all the same is not unpacked: a small reply may hold any amount.
            auto_decompress=False,
        )
        try:
            await self._look_around(self._session)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def answer(self, request: Request, seed: int) -> Completion:
        if self._session is None:
            raise RuntimeError("an engine that was not started")
        try:
            fixed = _fixed(request.sampling)
        except ValueError as error:
            return refused(str(error))
        asked: dict[str, Any] = {"model": self._asked, "messages": spelled(request.messages), **fixed}
        if self._options.seeds:
            asked["seed"] = seed
        most = request.sampling.max_tokens
        if self._most is not None:
            most = min(most, self._most)
        for _ in range(1 + _LOWERED):
            asked["max_tokens"] = most
            status, headers, raw = await self._post(self._session, json.dumps(asked).encode())
            if status == 200:
                self._answered = True
                return self._completion(raw, request.sampling)
            fits = room(said(raw), most) if status in (400, 422) else None
            if fits is None:
                break
            told, most = fits
            self._most = min(told, self._most or told)
        return self._without(status, headers, raw)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        import aiohttp

        try:
            async with session.post(f"{self._url}/chat/completions", data=body, allow_redirects=False) as reply:
                return reply.status, reply.headers, await _read(reply)
        except aiohttp.ConnectionTimeoutError:
            raise TimedOut(f"no connection to {self._url} within {_CONNECTING:g} s") from None
        except TimeoutError:
            raise TimedOut(f"no answer from {self._url} within {self._options.timeout:g} s") from None
        except aiohttp.ClientPayloadError:
            raise TryAgain(f"the connection to {self._url} broke off in the middle of an answer") from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"no connection to {self._url}: {_problem(error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise TryAgain(f"the connection to {self._url} failed: {_problem(error)}") from None

    def _completion(self, raw: bytes, sampling: Sampling) -> Completion:
        try:
            model, completion = read_completion(raw, sampling)
        except (TryAgain, Throttled):
            read_completion(self._redacted(raw), sampling)  # the same error, with no key in what it quotes
            raise
        if isinstance(model, str) and model != self._asked and not self._is_asked(model):
            raise BadInput(
                f"{self._url} answers as {one_line(model)} instead of {self._asked}: ask for it by that name"
            )
        return completion

    def _is_asked(self, model: str) -> bool:
        """Whether the endpoint's name for what answered is the one asked for, but for its folder and version."""
        model = model.casefold()
        return any(
            answered.startswith(name) and _VERSION.fullmatch(answered, len(name))
            for answered in (model, model.rpartition("/")[2])
            for name in self._names
        )

    def _without(self, status: int, headers: Mapping[str, str], raw: bytes) -> Completion:
        """What becomes of a request that was not answered with 200."""
        words = said(self._redacted(raw))
        if is_throttling(status) and "insufficient_quota" not in words:
            raise throttled(status, words, headers)
        if status == 403 and self._answered:  # one prompt that is not allowed; the key is
            return refused(f"the endpoint refused it (403): {words}")
        if status in (401, 402, 403, 429):
            raise BadInput(self._no_right(status, words))
        if 300 <= status < 400:
            raise BadInput(f"{self._url} redirects to {_address(headers)}: name the address that answers itself")
        if status in (404, 405):
            raise BadInput(f"{self._url} has no model {self._asked}, or is no such endpoint ({status}: {words})")
        if status in (408, 409, 425) or status >= 500 or status < 300:
            raise TryAgain(f"the endpoint answered {status}: {words}")
        return refused(f"the endpoint refused it ({status}): {words}")

    async def _look_around(self, session: aiohttp.ClientSession) -> None:
        """One look at the list of models; an endpoint without a list is believed."""
        status, headers, raw = await self._get(session, f"{self._url}/models")
        if status in (401, 403):
            raise BadInput(self._no_right(status, said(self._redacted(raw))))
        if 300 <= status < 400:
            raise BadInput(f"{self._url} redirects to {_address(headers)}: name the address that answers itself")
        models = _cards(raw) if status == 200 else []
        if not models:
            return
        last = self._asked.rpartition("/")[2]
        card = next((card for card in models if card["id"] == self._asked), None)
        card = card or next((card for card in models if card["id"].rpartition("/")[2] == last), None)
        if card is None:
            there = ", ".join(one_line(card["id"]) for card in models[:5]) + (", ..." if len(models) > 5 else "")
            raise BadInput(f"{self._url} has no model {self._asked}; it has {there}")
        # vLLM answers in the first of the names that it serves a model under.
        root = card.get("root")
        self._names |= {each["id"].casefold() for each in models if root is not None and each.get("root") == root}
        self._learn_context(card.get("max_model_len"))
        if card.get("owned_by") == "vllm":
            self._software = await self._vllm(session)

    def _learn_context(self, told: Any) -> None:
        if not isinstance(told, int) or told < 1:
            return
        wanted = self._options.context
        if wanted is not None and told < wanted:
            raise BadInput(f"{self._url}: a context of {told} tokens, and `context` asks for {wanted}")
        self._most = wanted or told

    async def _vllm(self, session: aiohttp.ClientSession) -> str:
        parts = urlsplit(self._url)
        status, _, raw = await self._get(session, f"{parts.scheme}://{parts.netloc}/version")
        try:
            version = json.loads(raw)["version"] if status == 200 else ""
        except (ValueError, KeyError, TypeError, RecursionError):
            version = ""
        return f" (vllm {one_line(str(version))})" if version else " (vllm)"

    async def _get(self, session: aiohttp.ClientSession, url: str) -> tuple[int, Mapping[str, str], bytes]:
        import aiohttp

        seconds = aiohttp.ClientTimeout(total=_ASKING_WHAT_THERE_IS)
        try:
            async with session.get(url, allow_redirects=False, timeout=seconds) as reply:
                return reply.status, reply.headers, await _read(reply)
        except TryAgain as error:
            raise BadInput(f"{self._url}: {error}") from None
        except TimeoutError:
            raise BadInput(f"no answer from the endpoint at {self._url} within {_ASKING_WHAT_THERE_IS:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise BadInput(f"no endpoint at {self._url} ({_problem(error)})") from None

    def _no_right(self, status: int, words: str) -> str:
        if status in (402, 429):
            return f"{self._url}: the account behind {self._variable} cannot pay ({status}: {words})"
        what = f"does not take the key in {self._variable}" if self._key else f"wants a key: set {self._variable}"
        return f"{self._url} {what} ({status}: {words})"

    def _redacted(self, raw: bytes) -> bytes:
        return raw.replace(self._key.encode(), b"[key]") if self._key else raw


@lru_cache(maxsize=256)
def _fixed(sampling: Sampling) -> dict[str, Any]:
    """What all requests of one sampling say alike, in the endpoint's words. ValueError: it cannot be asked."""
    fields: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    if sampling.schema is not None:
        try:
            schema = json.loads(sampling.schema)
        except ValueError as error:
            raise ValueError(f"schema that cannot be kept to: it is not JSON: {error}") from None
        wanted = {"name": "answer", "schema": schema, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": wanted}
    if sampling.choice:
        fields["structured_outputs"] = {"choice": list(sampling.choice)}
    if sampling.regex is not None:
        try:
            re.compile(sampling.regex)
        except re.error as error:
            raise ValueError(f"regex that cannot be kept to: {error}") from None
        fields["structured_outputs"] = {"regex": sampling.regex}
    return fields


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    """The body of a reply, so long as it may be one."""
    pieces, size = [], 0
    async for piece in reply.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > _LARGEST_REPLY:
            raise TryAgain(f"the endpoint's reply is longer than {_LARGEST_REPLY >> 20} MB")
    return b"".join(pieces)


# A trace of a million tokens is a few MB.
_LARGEST_REPLY = 64 << 20


def _checked(url: str) -> str:
    """The address as it is asked: without a slash at its end, with `/v1` where it has no path."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError as error:
        raise BadInput(f"the endpoint's URL cannot be read: {error}; expected http://host:port/v1") from None
    if "@" in parts.netloc:
        raise BadInput(f"endpoint at {host}: no user or password in the URL; set OT_API_KEY")
    if parts.scheme not in ("http", "https") or not host or any(mark.isspace() for mark in url):
        raise BadInput(f"{one_line(url)}: not the URL of an endpoint; expected http://host:port/v1")
    if parts.query or parts.fragment:
        raise BadInput(f"endpoint at {host}: a URL with ? or # cannot be asked; expected http://host:port/v1")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


def _printable(key: str | None, variable: str) -> str | None:
    key = (key or "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise BadInput(f"{variable} holds something that is no key: spaces, line ends or letters that are not ASCII")
    return key or None


def _cards(raw: bytes) -> list[dict[str, Any]]:
    """The models of a list as OpenAI writes it; empty for any other shape."""
    try:
        cards = json.loads(raw)["data"]
        return [card for card in cards if isinstance(card["id"], str)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _address(headers: Mapping[str, str]) -> str:
    """Where a redirect leads, without what may be secret in it."""
    try:
        parts = urlsplit(headers.get("location", ""))
        return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path or "nowhere"
    except ValueError:
        return "somewhere"


def _problem(error: Exception) -> str:
    return one_line(str(error)) or type(error).__name__
