"""The plugin `http`: one request to an address that the workflow names, which must be a public one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import httpx
from pydantic import AfterValidator, Field, model_validator

from activities import step
from activities.addresses import OutboundPolicy, check_url
from activities.errors import (
    AUTHENTICATION,
    NOT_FOUND,
    InvalidInput,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
    wait_seconds,
)
from activities.guarded_http import Answer, exchange, guarded_client
from activities.plugins.plugin import Config, Hint, Plugin, PluginSettings
from definitions.model import Duration

_SECRET = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
_SHOWN = 500
_DEFAULT_BYTES = 1024 * 1024
_MOST_BYTES = 1024 * 1024 * 1024

Networks = Annotated[tuple[str, ...], AfterValidator(lambda given: OutboundPolicy.of(given) and given)]


class HttpSettings(PluginSettings):
    """`allow`: networks that may be called although they are not public; default: the service's `outbound_allow`."""

    allow: Networks = ()


def _one_line(value: str) -> str:
    if any(character in value for character in "\r\n\0"):
        raise ValueError("a header is one line")
    return value


Header = Annotated[str, AfterValidator(_one_line)]
Scalar = str | int | float | bool


class Request(Config):
    """One request."""

    url: str
    """`https://...` or `http://...`."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: dict[str, Header] = Field(default_factory=dict)
    secret_headers: dict[str, Header] = Field(default_factory=dict)
    """Headers with secrets in them by name: `{"Authorization": "Bearer {crm_token}"}`."""
    query: dict[str, Scalar | list[Scalar]] = Field(default_factory=dict)
    json_body: Any = Field(default=None, alias="json")
    """Sent as JSON."""
    form: dict[str, Scalar | list[Scalar]] | None = None
    """Sent as a form's fields."""
    text: str | None = None
    """Sent as it is."""
    timeout: Annotated[Duration, Field(gt=0, le=3600)] = 30.0
    """For the whole exchange."""
    expect: list[Annotated[int, Field(ge=100, le=599)]] | None = None
    """Statuses that are no failure; default: 200 to 299. Redirects are not followed."""
    save_as: str | None = None
    """A file in the run's folder for the body, which then is an artifact instead of a part of the result."""
    max_bytes: Annotated[int, Field(ge=1, le=_MOST_BYTES)] = _DEFAULT_BYTES
    """A larger body is a failure."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        given = [name for name in ("json_body", "form", "text") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError("a request has one body: `json`, `form` or `text`")
        if self.save_as is not None and (Path(self.save_as).name != self.save_as or self.save_as in (".", "..")):
            raise ValueError("`save_as` is a file's name, without folders")
        return self


plugin = Plugin("http", summary="Requests to public addresses.", settings=HttpSettings)


@plugin.operation(Request, hint=lambda _config: Hint(seconds=1.0))
async def request(config: Request, settings: HttpSettings) -> dict[str, Any]:
    """Sends a request; an answer with an unexpected status is a failure.

    Returns `{"status", "headers", "body", "bytes", "seconds"}`, the body as JSON where it is; with `save_as` `path`
    instead of `body`. Raises `RateLimited` (429), `TemporaryFailure` (no answer, 408, 5xx), `PermanentFailure`
    (`authentication`, `not_found`, `error`), `InvalidInput`, `AddressRefused`.
    """
    policy = OutboundPolicy.of(settings.allow)
    check_url(config.url, policy)
    host = httpx.URL(config.url).host
    step.log.info(f"{config.method} {_shown_url(config.url)}")
    begun = time.monotonic()
    async with guarded_client(policy, seconds=config.timeout) as client:
        try:
            answer = await exchange(
                client,
                config.method,
                config.url,
                seconds=config.timeout,
                max_body=config.max_bytes,
                headers=_headers(config),
                **_content(config),
            )
        except httpx.InvalidURL as error:
            raise InvalidInput(f"the URL can't be used: {error}") from None
        except httpx.TransportError as error:
            raise TemporaryFailure(f"{host} does not answer: {error or type(error).__name__}") from error
    seconds = round(time.monotonic() - begun, 3)
    step.log.info("answered", status=answer.status, bytes=len(answer.body), seconds=seconds)
    step.usage(requests=1, bytes_received=len(answer.body))
    _require_expected(config, answer, host)
    if answer.truncated:
        raise PermanentFailure(
            f"{host} answered with more than {config.max_bytes:,} bytes", error_class="result_too_large"
        )
    result = {"status": answer.status, "headers": dict(answer.headers), "bytes": len(answer.body), "seconds": seconds}
    if config.save_as is not None:
        path = step.workdir / config.save_as
        path.write_bytes(answer.body)
        step.artifact(path, media_type=answer.headers.get("content-type"))
        return {**result, "path": str(path)}
    return {**result, "body": _body(answer)}


def _headers(config: Request) -> dict[str, str]:
    headers = dict(config.headers)
    if config.method in ("POST", "PATCH") and not any(name.lower() == "idempotency-key" for name in headers):
        headers["Idempotency-Key"] = step.idempotency_key
    for name, text in config.secret_headers.items():
        headers[name] = _one_line(_SECRET.sub(lambda found: step.secret(found[1]), text))
    return headers


def _content(config: Request) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if config.query:
        # What is in the URL stays: httpx would replace it.
        content["params"] = httpx.URL(config.url).params.merge(_fields(config.query))
    if config.json_body is not None:
        content["json"] = config.json_body
    if config.form is not None:
        content["data"] = _fields(config.form)
    if config.text is not None:
        content["content"] = config.text
    return content


def _fields(values: Mapping[str, Scalar | list[Scalar]]) -> dict[str, Any]:
    return {name: _written(value) for name, value in values.items()}


def _written(value: Scalar | list[Scalar]) -> str | list[Any]:
    if isinstance(value, list):
        return [_written(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _require_expected(config: Request, answer: Answer, host: str) -> None:
    status = answer.status
    if status in config.expect if config.expect is not None else 200 <= status < 300:
        return
    said = f"{host} answered {status}: {answer.body[:_SHOWN].decode('utf-8', 'replace')}"
    wait = wait_seconds(answer.headers.get("retry-after"))
    if status == 429:
        raise RateLimited(said, retry_after=wait)
    if status >= 500 or status == 408:
        raise TemporaryFailure(said, retry_after=wait)
    classes = {401: AUTHENTICATION, 403: AUTHENTICATION, 404: NOT_FOUND, 410: NOT_FOUND}
    raise PermanentFailure(said, error_class=classes.get(status))


def _body(answer: Answer) -> Any:
    if not answer.body:
        return None
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(answer.body)
        except ValueError:
            raise TemporaryFailure("the answer says that it is JSON, and is not") from None
    return answer.body.decode(httpx.Response(200, headers=answer.headers).charset_encoding or "utf-8", "replace")


def _shown_url(url: str) -> str:
    return url.partition("?")[0]
