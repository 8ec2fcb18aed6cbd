"""Requests to a server on loopback, which the operator allows here."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from activities import step
from activities.addresses import AddressRefused
from activities.errors import InvalidInput, PermanentFailure, RateLimited, StepError, TemporaryFailure
from activities.plugins.registry import PluginRegistry
from definitions.errors import LongpoleError

ALLOWED = {"http": {"allow": ["127.0.0.0/8"]}}


class Echo(http.server.BaseHTTPRequestHandler):
    """Tells what it was asked; the path says how it answers."""

    def answer(self) -> None:
        path = urlsplit(self.path)
        length = int(self.headers.get("content-length", 0))
        asked = {
            "method": self.command,
            "query": parse_qs(path.query),
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode(),
        }
        kind, status, content = "application/json", 200, json.dumps(asked).encode()
        if path.path.startswith("/status/"):
            status = int(path.path.rpartition("/")[2])
        elif path.path == "/large":
            kind, content = "text/plain; charset=latin-1", b"\xe9" * 5000
        elif path.path == "/broken":
            content = b"{"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 302:
            self.send_header("Location", "/elsewhere")
        if status in (429, 503):
            self.send_header("Retry-After", "7")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def send(config: dict[str, Any], settings: dict[str, dict[str, Any]] = ALLOWED) -> Any:
    return await PluginRegistry(settings, {}).resolve("http", "request")(config)


async def test_any_request_is_sent_and_its_answer_told(url: str) -> None:
    with step.simulate(secrets={"crm": "s3cret"}) as told:
        answer = await send(
            {
                "url": f"{url}/echo?a=1",
                "method": "POST",
                "query": {"b": [2, True]},
                "headers": {"X-One": "1"},
                "secret_headers": {"Authorization": "Bearer {crm}"},
                "json": {"deep": [None, 1.5]},
                "timeout": "10s",
            }
        )
    asked = answer["body"]
    assert (answer["status"], asked["method"], asked["query"]) == (200, "POST", {"a": ["1"], "b": ["2", "true"]})
    assert json.loads(asked["body"]) == {"deep": [None, 1.5]}
    sent = asked["headers"]
    assert (sent["x-one"], sent["authorization"]) == ("1", "Bearer s3cret")
    assert sent["idempotency-key"] == "exec_simulated/step"
    assert told.usage["requests"] == 1
    assert told.usage["bytes_received"] == answer["bytes"]


async def test_forms_texts_and_methods_without_a_body(url: str) -> None:
    form = await send({"url": url, "method": "PUT", "form": {"a": "x y", "b": [1, 2]}})
    assert form["body"]["body"] == "a=x+y&b=1&b=2"
    text = await send({"url": url, "method": "DELETE", "text": "hello"})
    assert text["body"]["body"] == "hello"
    assert (await send({"url": url, "method": "HEAD"}))["bytes"] == 0


async def test_a_body_can_become_a_file_that_is_an_artifact(url: str, tmp_path: Path) -> None:
    with step.simulate(workdir=tmp_path) as told:
        answer = await send({"url": f"{url}/large", "save_as": "large.txt"})
    assert Path(answer["path"]).read_bytes() == b"\xe9" * 5000
    assert told.artifacts == [
        {"uri": (tmp_path / "large.txt").as_uri(), "name": "large.txt", "media_type": "text/plain; charset=latin-1"}
    ]
    assert (await send({"url": f"{url}/large"}))["body"] == "é" * 5000


@pytest.mark.parametrize(
    ("path", "kind", "error_class"),
    [
        ("/status/429", RateLimited, "rate_limit"),
        ("/status/503", TemporaryFailure, "temporary_failure"),
        ("/status/401", PermanentFailure, "authentication"),
        ("/status/404", PermanentFailure, "not_found"),
        ("/status/302", PermanentFailure, "error"),
        ("/broken", TemporaryFailure, "temporary_failure"),
    ],
)
async def test_unexpected_answers_are_failures_of_their_class(
    url: str, path: str, kind: type[StepError], error_class: str
) -> None:
    with pytest.raises(kind) as raised:
        await send({"url": url + path})
    assert raised.value.error_class == error_class
    if path in ("/status/429", "/status/503"):
        assert raised.value.retry_after == 7


async def test_expected_statuses_are_no_failures_and_redirects_are_not_followed(url: str) -> None:
    answer = await send({"url": f"{url}/status/302", "expect": [302]})
    assert (answer["status"], answer["headers"]["location"]) == (302, "/elsewhere")


async def test_a_body_that_is_too_large_is_refused(url: str) -> None:
    with pytest.raises(PermanentFailure, match="more than 1,000 bytes"):
        await send({"url": f"{url}/large", "max_bytes": 1000})


async def test_addresses_that_are_not_public_are_refused_unless_allowed(url: str) -> None:
    with pytest.raises(AddressRefused):
        await send({"url": url}, {})
    with pytest.raises(AddressRefused):
        await send({"url": url.replace("127.0.0.1", "localhost")}, {})
    with pytest.raises(LongpoleError, match="no address like"):
        await send({"url": "file:///etc/passwd"})


async def test_nobody_there_is_worth_another_attempt() -> None:
    with pytest.raises(TemporaryFailure, match=r"127\.0\.0\.1 does not answer"):
        await send({"url": "http://127.0.0.1:9", "timeout": 2})


@pytest.mark.parametrize(
    "config",
    [
        {"url": "http://x", "json": 1, "text": "a"},
        {"url": "http://x", "save_as": "../x"},
        {"url": "http://x", "headers": {"A": "b\r\nC: d"}},
        {"url": "http://x", "method": "TRACE"},
        {},
    ],
)
async def test_configs_that_make_no_request_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await send(config)
