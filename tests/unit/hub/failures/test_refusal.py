"""S7: whatever Kubernetes' API answers, the person reads one of a few sentences and the admin what it said."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientPayloadError
from coursehub.hub.failures import record, refusal
from coursehub.hub.failures.record import Stage
from kubernetes_asyncio.client import ApiException

STAGES: tuple[Stage, ...] = ("start", "running", "stop")


def answer(status: int | None, body: Any = None, reason: str | None = "Forbidden") -> ApiException:
    """As the client raises it."""
    error = ApiException(status=status, reason=reason)
    error.body = body
    return error


def of(error: BaseException, stage: Stage = "start") -> tuple[str, str]:
    """The sentence's reason to the person, in a word, and the detail."""
    why = refusal.find(error, stage)
    assert why is not None
    assert why.cause == "refused"
    for word in ("no room", "does not allow", "does not answer", "did not end", "does not say"):
        if word in why.sentence:
            return word, why.detail
    raise AssertionError(why.sentence)


@pytest.mark.parametrize(
    ("error", "word", "detail"),
    [
        pytest.param(
            answer(403, '{"message": "persistentvolumeclaims \\"claim-maria\\" is forbidden: exceeded quota: q"}'),
            "no room",
            '403 Forbidden: persistentvolumeclaims "claim-maria" is forbidden: exceeded quota: q',
            id="a claim over the quota",
        ),
        pytest.param(answer(403, b'{"message": "exceeded quota: q"}'), "no room", "exceeded quota: q", id="bytes"),
        pytest.param(answer(403, '{"message": null}'), "does not allow", "403 Forbidden: None", id="no message"),
        pytest.param(answer(403, "[1]"), "does not allow", "403 Forbidden: [1]", id="a list"),
        pytest.param(answer(403, "[" * 100_000), "does not allow", "403 Forbidden: [[[", id="brackets"),
        pytest.param(answer(403, b"\xff\x00"), "does not allow", "403 Forbidden: �", id="no text"),
        pytest.param(answer(403), "does not allow", "403 Forbidden", id="a list of pods that is refused"),
        pytest.param(answer(409, '{"message": "modified"}', "Conflict"), "does not answer", "modified", id="conflict"),
        pytest.param(answer(410, "", "Gone"), "does not answer", "410 Gone", id="too old a version"),
        pytest.param(answer(500, "exceeded quota", "Error"), "does not answer", "exceeded quota", id="a broken server"),
        pytest.param(answer(0, None, "SSLError\nno way"), "does not answer", "SSLError no way", id="TLS"),
        pytest.param(answer(None, None, None), "does not answer", "ApiException", id="nothing at all"),
        pytest.param(ClientPayloadError("half of it"), "does not answer", "half of it", id="cut off"),
        pytest.param(TimeoutError("Could not create pod a/b"), "does not answer", "Could not create", id="time-out"),
        pytest.param(TimeoutError(), "does not answer", "no answer in time", id="the start's own time-out"),
    ],
)
def test_s7_an_answer_is_a_sentence_and_a_line_of_plain_text(error: BaseException, word: str, detail: str) -> None:
    said, written = of(error)
    assert said == word
    assert detail in written
    assert written.isprintable()


@pytest.mark.parametrize("stage", STAGES)
def test_s7_no_sentence_has_a_word_of_the_apis(stage: Stage) -> None:
    why = refusal.find(answer(403, json.dumps({"message": 'pods "jupyter-maria" is forbidden: policy'})), stage)
    assert why is not None
    for word in ("403", "Forbidden", "jupyter-maria", "policy", "9c8b7a69", "pod"):
        assert word not in why.sentence


def test_s7_what_is_asked_for_in_vain_has_its_own_sentence_at_each_stage() -> None:
    error = answer(403, '{"message": "exceeded quota: q"}')
    assert [of(error, stage)[0] for stage in STAGES] == ["no room", "does not say", "did not end"]


def test_s7_what_came_up_while_an_answer_was_read_is_that_answer() -> None:
    error = KeyError("message")
    error.__context__ = answer(403, '{"message": "exceeded quota: q"}')
    assert of(error)[0] == "no room"


@pytest.mark.parametrize("error", [ValueError("a trait"), FileNotFoundError("a hook"), KeyError("message")])
def test_what_is_not_kubernetes_is_left_alone(error: Exception) -> None:
    assert refusal.find(error, "start") is None


def test_an_admin_reads_that_a_server_did_not_end_and_in_whose_words() -> None:
    why = refusal.find(answer(403, '{"message": "policy"}'), "stop")
    assert why is not None
    made = {"metadata": {"name": "jupyter-maria", "labels": {}}, "spec": {"containers": [{"image": "r:1"}]}}
    first, told, words, pod = record.text(
        asdict(record.of("maria", datetime(2026, 10, 1, 8, tzinfo=UTC), "stop", why, made, []))
    )
    assert first == "2026-10-01T08:00:00Z  maria: general use: failed as it was to end: refused"
    assert told.startswith("  told the person: The cluster did not end your server")
    assert words == "  Kubernetes: 403 Forbidden: policy"
    assert pod == "  pod jupyter-maria on no node, image r:1"
