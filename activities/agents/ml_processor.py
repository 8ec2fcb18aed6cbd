"""The agent `ml_processor`: inference by a model that a server with the OpenAI API has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from activities import step
from activities.errors import InvalidInput, ModelUnavailable, PermanentFailure, RateLimited, TemporaryFailure

URL = "LONGPOLE_MODEL_URL"
"""The environment variable with the server's address, up to `/v1`."""
KEY_SECRET = "MODEL_API_KEY"  # noqa: S105 - the name of a secret
_SECONDS = 600.0
_OPTIONS = ("temperature", "max_tokens", "top_p", "stop", "seed")


async def ml_processor(given: Any) -> dict[str, Any]:
    """Sends the prompt to `parameters.model_name`; `temperature`, `max_tokens`, `top_p`, `stop` and `seed` go along.

    Returns `{"model", "text", "finish_reason", "usage"}` and reports tokens. Raises `InvalidInput`,
    `ModelUnavailable` (no server, or it has no such model), `RateLimited`, `TemporaryFailure`, `PermanentFailure`.
    """
    prompt = given.get("prompt") if isinstance(given, Mapping) else None
    parameters = given.get("parameters") if isinstance(given, Mapping) else None
    model = parameters.get("model_name") if isinstance(parameters, Mapping) else None
    if not isinstance(prompt, str) or not prompt or not isinstance(parameters, Mapping):
        raise InvalidInput("`ml_processor` needs a prompt")
    if not isinstance(model, str) or not model:
        raise InvalidInput("`parameters.model_name` must name a model")
    address = os.environ.get(URL, "").rstrip("/")
    if not address:
        raise ModelUnavailable(f"no server with models is known: set {URL} for the workers")
    request = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        **{name: parameters[name] for name in _OPTIONS if name in parameters},
    }
    answer = await _ask(f"{address}/chat/completions", request, model)
    try:
        choice, usage = answer["choices"][0], answer.get("usage") or {}
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise TemporaryFailure(f"the server of {model} answered with something that is no completion") from None
    tokens = {name: float(value) for name, value in usage.items() if isinstance(value, int | float)}
    if "total_tokens" in tokens:
        step.usage(tokens=tokens["total_tokens"])
    return {"model": model, "text": text, "finish_reason": choice.get("finish_reason"), "usage": tokens}


async def _ask(url: str, request: dict[str, Any], model: str) -> dict[str, Any]:
    import httpx

    headers = {"Idempotency-Key": step.idempotency_key}
    if key := os.environ.get(KEY_SECRET) and step.secret(KEY_SECRET):
        headers["Authorization"] = f"Bearer {key}"
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            answer = await client.post(url, json=request, headers=headers)
    except httpx.HTTPError as error:
        raise ModelUnavailable(f"the server of {model} does not answer: {error or type(error).__name__}") from error
    status = answer.status_code
    if status == 200:
        try:
            found = answer.json()
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}
    said = f"the server of {model} answered {status}: {answer.text[:500]}"
    if status == 429:
        raise RateLimited(said)
    if status in (404, 503):
        raise ModelUnavailable(said)
    if status >= 500 or status == 408:
        raise TemporaryFailure(said)
    raise PermanentFailure(said)
