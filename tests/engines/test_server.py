"""The engine for OpenAI-compatible endpoints, over real HTTP: what is asked, what becomes of each reply and fault."""

from __future__ import annotations

import asyncio
import re
import time
from email.utils import formatdate
from typing import Any

import pytest

from ot_resources.generators.engine import Completion, Options, Throttled, TimedOut, TryAgain
from ot_resources.generators.reasoning import split_reasoning
from ot_resources.generators.server import ServerEngine
from ot_resources.interfaces import BadInput, FinishReason, Message, Request, Sampling
from tests.engines.endpoint import TEXT, Fault, Plan, Served

KEY = "sk-a-key-that-nobody-may-see"
SHORT = Options(timeout=0.5)


def question(text: str = "What is 2 + 2?", **sampling: object) -> Request:
    return Request((Message("system", "Be brief."), Message("user", text)), Sampling(**sampling))  # type: ignore[arg-type]


def ask(url: str, *requests: Request, options: Options = SHORT, key: str | None = None, name: str = "tiny") -> list:
    """What the engine gives for each request, one after another; an exception it raises is given, too."""

    async def run() -> list[Completion | Exception]:
        engine = ServerEngine(name, url, options, key=key)
        await engine.start()
        try:
            return [await one(engine, request) for request in requests]
        finally:
            await engine.stop()

    async def one(engine: ServerEngine, request: Request) -> Completion | Exception:
        try:
            return await engine.answer(request, 7)
        except (Throttled, TryAgain, BadInput) as error:
            return error

    return asyncio.run(run())


def met(served: Served, fault: Fault, *, key: str | None = None, options: Options = SHORT) -> Any:
    """What a request comes to that meets a fault."""
    served.follow(Plan(faults=(fault,), key=key))
    return ask(served.url, question(), key=key, options=options)[0]


def told(served: Served, message: dict, request: Request) -> Any:
    """What an answer with these fields of a message comes to."""
    served.follow(Plan(answers={request.messages[-1].content: message}))
    return ask(served.url, request)[0]


def started(url: str, **settings: object) -> None:
    async def run() -> None:
        engine = ServerEngine(**{"model": "tiny", "url": url, "options": Options()} | settings)  # type: ignore[arg-type]
        try:
            await engine.start()
        finally:
            await engine.stop()

    asyncio.run(run())


def body(served: Served, text: str) -> dict:
    return next(line["asked"] for line in served.log() if line["question"] == text)


def test_an_answer_with_its_counts(served: Served) -> None:
    assert ask(served.url, question("How much?")) == [Completion(TEXT, FinishReason.STOP, 2, 150)]


def test_only_what_was_asked_is_sent(served: Served) -> None:
    ask(served.url, question("plain", temperature=0.5, top_p=0.9, max_tokens=77))
    assert body(served, "plain") == {"model": "tiny", "temperature": 0.5, "top_p": 0.9, "max_tokens": 77}
    ask(served.url, question("stopped", stop=("\n", "END")), options=Options(seeds=True))
    assert body(served, "stopped").items() >= {"stop": ["\n", "END"], "seed": 7}.items()


def test_counts_are_not_invented(served: Served) -> None:
    served.follow(Plan(usage=False))
    assert ask(served.url, question()) == [Completion(TEXT, FinishReason.STOP, 0, 0)]


def test_cut_off_and_held_back(served: Served) -> None:
    cut = met(served, Fault("cut"))
    assert (cut.finish_reason, cut.completion_tokens, cut.error) == (FinishReason.LENGTH, 50, None)
    held = met(served, Fault("filtered"))
    assert (held.finish_reason, held.final, held.completion_tokens) == (FinishReason.CONTENT_FILTER, True, 150)
    assert "content filter" in held.error
    refusal = told(served, {"content": None, "refusal": "I cannot help with that.\nSorry."}, question())
    assert (refusal.finish_reason, refusal.error) == (
        FinishReason.CONTENT_FILTER,
        "the model refused: I cannot help with that.",
    )


@pytest.mark.parametrize(("finish", "expected"), [("tool_calls", FinishReason.STOP), ("eos", FinishReason.STOP)])
def test_other_reasons_to_end(served: Served, finish: str, expected: FinishReason) -> None:
    assert met(served, Fault("finish", message=finish)).finish_reason == expected


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_an_answer_that_the_endpoint_broke_off(served: Served, finish: str) -> None:
    assert isinstance(met(served, Fault("finish", message=finish)), TryAgain)


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_that_was_split_off_comes_back_in_its_tags(served: Served, field: str) -> None:
    completion = told(served, {"content": "\n\nfour", field: "two and two"}, question())
    assert completion.text == "<think>two and two</think>\n\nfour"
    assert split_reasoning(completion.text) == ("two and two", "four")


def test_reasoning_that_was_cut_off_stays_open(served: Served) -> None:
    faults = (Fault("finish", message="length"),)
    served.follow(Plan(answers={"q": {"content": None, "reasoning": "two and"}}, faults=faults))
    [completion] = ask(served.url, question("q"))
    assert (completion.text, completion.finish_reason) == ("<think>two and", FinishReason.LENGTH)


SCHEMA = '{"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}}'


def test_structured_output_as_endpoints_take_it(served: Served) -> None:
    answers = {"json": {"content": '{"z": "a", "a": 1}'}, "choice": {"content": "yes"}, "regex": {"content": "a12"}}
    served.follow(Plan(answers=answers))
    done = ask(
        served.url,
        question("json", schema=SCHEMA),
        question("choice", choice=("yes", "no")),
        question("regex", regex=r"a\d+"),
    )
    assert [each.error for each in done] == [None] * 3
    wanted = body(served, "json")["response_format"]
    assert wanted["type"] == "json_schema" and wanted["json_schema"]["strict"] is True
    assert list(wanted["json_schema"]["schema"]["properties"]) == ["z", "a"]
    assert body(served, "choice")["structured_outputs"] == {"choice": ["yes", "no"]}
    assert body(served, "regex")["structured_outputs"] == {"regex": r"a\d+"}


@pytest.mark.parametrize(
    ("content", "sampling"),
    [
        ("The answer is {", {"schema": SCHEMA}),
        ("maybe", {"choice": ("yes", "no")}),
        ("a12 and so on", {"regex": r"a\d+"}),
    ],
)
def test_an_endpoint_that_ignores_the_form(served: Served, content: str, sampling: dict) -> None:
    completion = told(served, {"content": content}, question(**sampling))
    assert completion.finish_reason == FinishReason.ERROR and completion.final
    assert completion.error.startswith("the endpoint does not hold the model to ")


def test_a_form_that_was_kept_after_thinking_or_was_cut_off(served: Served) -> None:
    assert told(served, {"content": "<think>hm</think>yes"}, question(choice=("yes", "no"))).error is None
    cut = told(served, {"content": '{"a": "' + "x" * 80}, question(schema=SCHEMA, max_tokens=10))
    assert (cut.finish_reason, cut.error) == (FinishReason.LENGTH, None)


@pytest.mark.parametrize(
    ("sampling", "expected"), [({"schema": "{"}, "not JSON"), ({"regex": "("}, "regex that cannot")]
)
def test_a_form_that_cannot_be_asked(served: Served, sampling: dict, expected: str) -> None:
    [completion] = ask(served.url, question("never sent", **sampling))
    assert completion.final and expected in completion.error
    assert "never sent" not in [line["question"] for line in served.log()]


@pytest.mark.parametrize(
    ("plan", "asked"),
    [
        (Plan(context=100), [100]),
        (Plan(context=100, tells=False), [32000, 100]),
        (Plan(context=100, reserves=True), [100, 97]),
        (Plan(context=100, tells=False, reserves=True), [32000, 97]),
    ],
)
def test_more_tokens_than_the_context_has_are_cut_as_anywhere_else(
    served: Served, plan: Plan, asked: list[int]
) -> None:
    served.follow(plan)
    first, second = ask(served.url, question(max_tokens=32000), question("And 3 + 3?", max_tokens=32000))
    assert (first.finish_reason, first.completion_tokens) == (FinishReason.LENGTH, 97)
    assert second.finish_reason == FinishReason.LENGTH
    assert [line["asked"]["max_tokens"] for line in served.log()][: len(asked)] == asked
    assert 32000 not in [line["asked"]["max_tokens"] for line in served.log()[len(asked) :]]


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 32000. This model supports at most 150 completion tokens, whereas you provided more.",
        "Invalid max_tokens value, the valid range of max_tokens is [1, 150]",
        "`max_tokens` must be less than or equal to `150`, the maximum value for `max_tokens` is less than the window",
        "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 155 "
        "tokens and your request has 5 input tokens (32000 > 155 - 5).",
        "Requested token count exceeds the model's maximum context length of 155 tokens. You requested a total of "
        "32005 tokens: 5 tokens from the input messages and 32000 tokens for the completion.",
    ],
)
def test_what_other_endpoints_say_of_their_limits(served: Served, message: str) -> None:
    served.follow(Plan(faults=(Fault("status", status=400, message=message, first=1),)))
    [completion] = ask(served.url, question(max_tokens=32000))
    assert completion.text == TEXT
    assert [line["asked"]["max_tokens"] for line in served.log()] == [32000, 150]


def test_another_refusal_is_not_taken_for_a_limit(served: Served) -> None:
    completion = met(served, Fault("status", status=400, message="temperature must be less than or equal to 2"))
    assert completion.error == "the endpoint refused it (400): temperature must be less than or equal to 2"


def test_a_prompt_that_is_too_long_is_refused(served: Served) -> None:
    served.follow(Plan(context=100))
    [completion] = ask(served.url, question("word " * 100))
    assert completion.final and "maximum context length is 100 tokens" in completion.error
    assert len(served.log()) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_endpoint_refuses_is_the_requests_own_fault(served: Served, status: int) -> None:
    completion = met(served, Fault("status", status=status, message="no such role\nsecond line"))
    assert completion == Completion(
        "", FinishReason.ERROR, 0, 0, f"the endpoint refused it ({status}): no such role", True
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": "9", "retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "-3"}, 0.0),
    ],
)
def test_too_many_requests(served: Served, status: int, headers: dict, after: float | None) -> None:
    error = met(served, Fault("status", status=status, headers=headers, message="slow down"))
    assert isinstance(error, Throttled) and error.after == after
    assert str(error) == f"the endpoint answered {status}: slow down"


def test_too_many_requests_until_a_date(served: Served) -> None:
    error = met(served, Fault("status", status=429, headers={"Retry-After": formatdate(time.time() + 30, usegmt=True)}))
    assert isinstance(error, Throttled) and error.after == pytest.approx(30, abs=3)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 504, 599, 204])
def test_what_may_go_better_another_time(served: Served, status: int) -> None:
    error = met(served, Fault("status", status=status, message="upset"))
    assert isinstance(error, TryAgain) and str(error).startswith(f"the endpoint answered {status}: ")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("reset"), "the connection to"),
        (Fault("broken"), "in the middle of an answer"),
        (Fault("body", message=""), "is empty"),
        (Fault("truncated"), "only its beginning"),
        (Fault("body", message="<html>\nBad gateway"), "not JSON"),
        (Fault("body", message='["a"]'), "no JSON object"),
        (Fault("body", message="[" * 100_000), "not JSON"),
        (Fault("body", message='{"id": 1}'), "no choices"),
        (Fault("body", message='{"choices": []}'), "no choices"),
        (Fault("body", message='{"choices": [{"message": {"content": ["a"]}}]}'), "not text"),
        (Fault("body", message='{"choices": [{"message": {"content": "\\ud800"}}]}'), "lone surrogates"),
        (Fault("body", message='{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}'), "no tokens"),
        (Fault("inside", code=500, message="lost a card"), "error inside: lost a card"),
        (Fault("inside", code="server_error", message="lost"), "error inside: lost"),
        (Fault("body", message='{"choices": [{"error": {"code": 502, "message": "upstream"}}]}'), "inside: upstream"),
        (Fault("status", status=500, message="first line\nsecond"), "answered 500: first line"),
    ],
)
def test_replies_that_hold_no_answer(served: Served, fault: Fault, expected: str) -> None:
    error = met(served, fault)
    assert type(error) is TryAgain and expected in str(error)
    assert "\n" not in str(error)


def test_too_many_requests_inside_of_an_answer(served: Served) -> None:
    error = met(served, Fault("inside", code=429, message="busy"))
    assert isinstance(error, Throttled) and "busy" in str(error)


@pytest.mark.parametrize("fault", [Fault("hang"), Fault("drip", seconds=0.01)])
def test_no_answer_in_time(served: Served, fault: Fault) -> None:
    began = time.monotonic()
    error = met(served, fault)
    assert isinstance(error, TimedOut) and str(error).endswith("within 0.5 s")
    assert time.monotonic() - began < 5


def test_a_slow_answer_is_an_answer(served: Served) -> None:
    assert met(served, Fault("slow", seconds=0.3), options=Options(timeout=5)).text == TEXT


@pytest.mark.parametrize("answered", ["tiny-2024-08-06", "tiny-001", "tiny@main", "Tiny", "models/tiny", "tiny:latest"])
def test_the_model_by_another_form_of_its_name(served: Served, answered: str) -> None:
    assert met(served, Fault("model", message=answered)).text == TEXT


@pytest.mark.parametrize("answered", ["small", "tiny-mini", "tiny-7b", "tinyer", "tiny/other"])
def test_another_model_is_never_taken_for_the_one_asked_for(served: Served, answered: str) -> None:
    error = met(served, Fault("model", message=answered))
    assert isinstance(error, BadInput) and f"answers as {answered} instead of tiny" in str(error)


def test_a_model_that_is_served_by_two_names(served: Served) -> None:
    served.follow(Plan(models=("first", "second")))
    assert ask(served.url, question(), name="second")[0].text == TEXT


def test_a_model_in_a_folder(served: Served) -> None:
    served.follow(Plan(models=("org/tiny",), faults=(Fault("model", message="tiny"),)))
    assert ask(served.url, question(), name="org/tiny")[0].text == TEXT


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, "wants a key: set OT_API_KEY"),
        (403, "wants a key: set OT_API_KEY"),
        (402, "cannot pay"),
        (404, "has no model tiny, or is no such endpoint"),
        (307, "redirects to http://elsewhere/v2"),
    ],
)
def test_what_no_other_try_would_change(served: Served, status: int, expected: str) -> None:
    fault = Fault("status", status=status, headers={"Location": "http://user:secret@elsewhere/v2?token=secret"})
    error = met(served, fault)
    assert isinstance(error, BadInput) and expected in str(error) and "secret" not in str(error)


def test_no_money_is_not_taken_for_too_many_requests(served: Served) -> None:
    error = met(served, Fault("status", status=429, message="You exceeded your current quota: insufficient_quota"))
    assert isinstance(error, BadInput) and "cannot pay" in str(error)


@pytest.mark.parametrize("kind", ["status", "inside"])
@pytest.mark.parametrize("status", [401, 400, 500, 429])
def test_the_key_is_sent_and_never_told(served: Served, kind: str, status: int) -> None:
    fault = Fault(kind, status=status, code=status, message=f"not with {KEY}")  # type: ignore[arg-type]
    found = met(served, fault, key=KEY)
    words = found.error if isinstance(found, Completion) else str(found)
    assert "not with [key]" in words and KEY not in words


def test_a_key_that_is_wrong_or_missing_is_told_before_any_work(served: Served) -> None:
    served.follow(Plan(key=KEY))
    with pytest.raises(BadInput, match="wants a key: set OT_API_KEY"):
        started(served.url)
    with pytest.raises(BadInput, match=r"does not take the key in OT_API_KEY .*\[key\]") as wrong:
        started(served.url, key="sk-another")
    assert "sk-another" not in str(wrong.value)
    started(served.url, key=KEY + "\n")


def test_a_model_that_is_not_there_is_told_before_any_work(served: Served) -> None:
    with pytest.raises(BadInput, match="has no model large; it has tiny$"):
        started(served.url, model="large")


def test_an_endpoint_that_is_not_there() -> None:
    with pytest.raises(BadInput, match=r"^no endpoint at http://127.0.0.1:1/v1 \("):
        started("http://127.0.0.1:1")


@pytest.mark.parametrize("listing", [404, 405, 500, "welcome", "[]", '{"data": [1]}', '{"data": []}', "{}"])
def test_an_endpoint_without_a_list_of_models_is_believed(served: Served, listing: str | int) -> None:
    served.follow(Plan(listing=listing))
    assert ask(served.url, question())[0].text == TEXT


def test_a_context_that_is_too_short_is_told_before_any_work(served: Served) -> None:
    served.follow(Plan(context=100))
    with pytest.raises(BadInput, match="a context of 100 tokens, and `context` asks for 200"):
        started(served.url, options=Options(context=200))
    ask(served.url, question(max_tokens=32000), options=Options(context=50))
    assert served.log()[-1]["asked"]["max_tokens"] == 50


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://host/v1", "not the URL of an endpoint"),
        ("localhost:8000", "not the URL of an endpoint"),
        ("http:///v1", "not the URL of an endpoint"),
        ("http://host:port/v1", "cannot be read"),
        ("http://user:secret@host/v1", "no user or password"),
        ("http://host/v1?key=secret", "cannot be asked"),
        ("http://ho st/v1", "not the URL of an endpoint"),
    ],
)
def test_urls_that_cannot_be_asked(url: str, expected: str) -> None:
    with pytest.raises(BadInput, match=expected) as error:
        ServerEngine("tiny", url, Options())
    assert "secret" not in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel"])
def test_keys_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(BadInput, match="OT_API_KEY") as error:
        ServerEngine("tiny", "http://host", Options(), key=key)
    assert key not in str(error.value)


def test_a_url_without_a_path_means_v1(served: Served) -> None:
    for url in (served.url, served.url + "/", served.url.removesuffix("/v1"), served.url.removesuffix("v1")):
        assert ask(url, question())[0].text == TEXT


def test_names(served: Served) -> None:
    engine = ServerEngine("org/tiny", served.url, Options(revision="abc"))
    assert (engine.name, engine.model, engine.concurrency) == (f"server {served.url}", "org/tiny@abc", 64)
    assert ServerEngine("tiny", served.url, Options(concurrency=3), identity="tiny@0a1b").model == "tiny@0a1b"

    async def named() -> str:
        engine = ServerEngine("tiny", served.url, Options())
        await engine.start()
        await engine.stop()
        return engine.name

    assert re.fullmatch(r"server http://127.0.0.1:\d+/v1 \(vllm 0.32.0\)", asyncio.run(named()))


def test_many_at_the_same_time_and_a_second_start(served: Served) -> None:
    async def run() -> list[Completion]:
        engine = ServerEngine("tiny", served.url, Options(concurrency=8))
        await engine.start()
        await engine.start()
        try:
            return await asyncio.gather(*(engine.answer(question(f"many {i}"), i) for i in range(100)))
        finally:
            await engine.stop()

    assert {completion.text for completion in asyncio.run(run())} == {TEXT}
    asked = [line["question"] for line in served.log() if line["question"].startswith("many")]
    assert len(asked) == len(set(asked)) == 100
