"""`ml_processor` against a server on loopback that speaks the OpenAI API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from activities import step
from activities.agents.ml_processor import URL, ml_processor
from activities.errors import InvalidInput, ModelUnavailable, PermanentFailure, RateLimited, TemporaryFailure


class Models:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[dict[str, Any]] = []

    def answer(self) -> dict[str, Any]:
        text = f"you said {self.asked[-1]['messages'][0]['content']}"
        return {
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        }


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    models = Models()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            models.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            body = json.dumps(models.answer() if models.status == 200 else {"error": "no"}).encode()
            self.send_response(models.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(URL, f"http://127.0.0.1:{server.server_port}/v1")
    yield models
    server.shutdown()
    server.server_close()


def asked(**parameters: Any) -> dict[str, Any]:
    return {"prompt": "hello", "parameters": {"model_name": "small", **parameters}}


async def test_the_prompt_goes_to_the_model_and_tokens_are_reported(models: Models) -> None:
    with step.simulate() as simulated:
        told = await ml_processor(asked(temperature=0.0))
    assert (told["model"], told["text"], told["finish_reason"]) == ("small", "you said hello", "stop")
    assert models.asked[0]["temperature"] == 0.0
    assert simulated.usage == {"tokens": 7.0}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, RateLimited),
        (503, ModelUnavailable),
        (404, ModelUnavailable),
        (500, TemporaryFailure),
        (400, PermanentFailure),
    ],
)
async def test_refusals_are_classified(models: Models, status: int, error: type[Exception]) -> None:
    models.status = status
    with pytest.raises(error, match=str(status)):
        await ml_processor(asked())


async def test_without_a_server_or_a_model_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(ModelUnavailable, match=URL):
        await ml_processor(asked())
    for wrong in ({}, {"prompt": "x"}, {"prompt": "x", "parameters": {}}, None):
        with pytest.raises(InvalidInput):
            await ml_processor(wrong)
