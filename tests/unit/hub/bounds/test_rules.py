"""Which requests are refused before anybody reads them, and with which words."""

import pytest
from coursehub.hub.bounds import rules
from tornado.httputil import HTTPHeaders

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=x"}
KIB = 1024


@pytest.mark.parametrize(
    ("method", "address", "headers", "status"),
    [
        pytest.param("GET", "/hub/login", {}, None, id="usual"),
        pytest.param("GET", "/hub/login?next=" + "x" * 16000, {}, None, id="all that the proxy lets through"),
        pytest.param("GET", "/" + "x" * 16 * KIB, {}, 414, id="long address"),
        pytest.param("GET", "/?" + "&".join(["a=b"] * 100), {}, None, id="many arguments"),
        pytest.param("GET", "/?" + "&".join(["a"] * 101), {}, 400, id="too many arguments"),
        pytest.param("GET", "/", {f"X-{n}": "" for n in range(100)}, None, id="many headers"),
        pytest.param("GET", "/", {f"X-{n}": "" for n in range(101)}, 431, id="too many headers"),
        pytest.param("GET", "/", {"Cookie": "; ".join(["a=b"] * 100)}, None, id="many cookies"),
        pytest.param("GET", "/", {"Cookie": ";".join(["a"] * 101)}, 431, id="too many cookies"),
        pytest.param("GET", "/", {"Content-Length": "0"}, None, id="no body"),
        pytest.param("GET", "/", {"Content-Length": "1"}, 413, id="a body where there is none"),
        pytest.param("BREW", "/", {}, 501, id="unknown method"),
        pytest.param("get", "/", {}, 501, id="method in small letters"),
        pytest.param("POST", "/", FORM | {"Content-Length": str(64 * KIB)}, None, id="largest form"),
        pytest.param("POST", "/", FORM | {"Content-Length": str(64 * KIB + 1)}, 413, id="large form"),
        pytest.param("POST", "/", PARTS | {"Content-Length": str(64 * KIB + 1)}, 413, id="large form in parts"),
        pytest.param("POST", "/", {"Content-Length": str(1024 * KIB)}, None, id="largest body"),
        pytest.param("POST", "/", {"Content-Length": str(1024 * KIB + 1)}, 413, id="large body"),
        pytest.param("POST", "/", {"Content-Length": "9" * 5000}, 413, id="a length of many digits"),
        pytest.param("POST", "/", {"Content-Length": "-1"}, None, id="no length, which Tornado refuses"),
    ],
)
def test_w10_a_head(method: str, address: str, headers: dict[str, str], status: int | None) -> None:
    found = rules.of_head(method, address, HTTPHeaders(headers))
    assert (found and found.status) == status


def test_w10_a_repeated_header_counts_each_time() -> None:
    headers = HTTPHeaders()
    for _ in range(101):
        headers.add("Cookie", "a=b")
    found = rules.of_head("GET", "/", headers)
    assert found
    assert found.status == 431


@pytest.mark.parametrize(
    ("body", "headers", "refused"),
    [
        pytest.param(b"&".join([b"a=b"] * 1000), FORM, False, id="many fields"),
        pytest.param(b"&".join([b"a"] * 1001), FORM, True, id="too many fields"),
        pytest.param(b"&" * 2000, {"Content-Type": "application/json"}, False, id="no form"),
    ],
)
def test_w10_a_form(body: bytes, headers: dict[str, str], refused: bool) -> None:
    assert (rules.of_form(bytearray(body), HTTPHeaders(headers)) is not None) is refused


def test_a_refusal_says_what_would_be_taken() -> None:
    found = [
        rules.of_head("GET", "/" * 20000, HTTPHeaders()),
        rules.of_size(2**21, "POST", HTTPHeaders()),
        rules.of_size(2**21, "POST", HTTPHeaders(FORM)),
        rules.of_size(1, "GET", HTTPHeaders()),
        rules.of_head("GET", "/", HTTPHeaders({"Cookie": ";" * 100})),
    ]
    assert [refusal and refusal.sentence for refusal in found] == [
        "The address is too long: at most 16 KiB.",
        "The body is too large: at most 1024 KiB.",
        "The form is too large: at most 64 KiB.",
        "GET takes no body.",
        "The request has too many cookies: at most 100. Delete those of this site.",
    ]
