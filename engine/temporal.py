"""The connection to Temporal: address and credentials as the SDK's own environment configuration has them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.envconfig import ClientConfig, ClientConfigProfile
from temporalio.service import RPCError, RPCStatusCode

from definitions.errors import ServiceUnavailable
from workflows import attributes

T = TypeVar("T")

GONE_SECONDS = 2.0
"""After this long without an answer it is asked whether the server is there at all. By itself the SDK asks one that is
gone again for about 10 seconds."""
ANSWER_SECONDS = 10.0
"""How long a request may wait for a server that is there and busy, or for the worker that it asks."""
_THERE_SECONDS = 1.0


async def answer(client: Client, call: Awaitable[T]) -> T:
    """What Temporal answers to a call by that client, within bounded time: soon where nothing is there that could. What
    it refuses is raised as it is (`RPCError`).

    Raises `ServiceUnavailable` when it does not answer; whether it did what was asked is not known then."""
    asking = asyncio.ensure_future(call)
    try:
        await asyncio.wait({asking}, timeout=GONE_SECONDS)
        waited = GONE_SECONDS
        if not asking.done() and await _is_there(client):
            await asyncio.wait({asking}, timeout=ANSWER_SECONDS - GONE_SECONDS)
            waited = ANSWER_SECONDS
        if not asking.done():
            raise ServiceUnavailable(f"Temporal did not answer within {waited:g} s", remedy="try again")
        return asking.result()
    except RPCError as error:
        if error.status not in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            raise
        raise ServiceUnavailable(f"Temporal does not answer: {_first_line(error)}", remedy="try again") from error
    finally:
        asking.cancel()


async def _is_there(client: Client) -> bool:
    """Whether something takes requests where the client sends them, however slowly."""
    try:
        # The time for all of it: a client that has never been connected first tries to be, again and again.
        async with asyncio.timeout(2 * _THERE_SECONDS):
            await client.service_client.check_health(timeout=timedelta(seconds=_THERE_SECONDS))
    except RPCError as error:
        return error.status is not RPCStatusCode.UNAVAILABLE
    except (TimeoutError, RuntimeError):
        return False
    return True


async def told_by_run(client: Client, call: Awaitable[T], what: str) -> T | None:
    """What a query of a run, or its description, answers to the client; None where Temporal does not have the run.

    Raises `ServiceUnavailable` where nobody can tell `what`."""
    try:
        return await answer(client, call)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise ServiceUnavailable(f"Temporal can't tell {what}: {error.message}", remedy="try again") from error
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError) as error:
        raise ServiceUnavailable(
            f"the run can't tell {what}: {error}", remedy="is a worker of this release running?"
        ) from error


async def connect(address: str | None = None, *, embedded: bool = False, timeout: float = 10.0) -> Client:
    """A client for `address`, or for what the environment names (`TEMPORAL_ADDRESS`, namespace, TLS, API key, profile).
    `embedded`: the server at `address` is one that we started, whatever the environment says about another.

    Raises `ServiceUnavailable` when nothing answers within `timeout` seconds.
    """
    config = ClientConfigProfile().to_client_connect_config() if embedded else ClientConfig.load_client_connect_config()
    if address is not None:
        config["target_host"] = address
    target = config.setdefault("target_host", "localhost:7233")
    try:
        return await asyncio.wait_for(Client.connect(**config), timeout)
    except (RuntimeError, RPCError, TimeoutError, OSError) as error:
        raise ServiceUnavailable(
            f"Temporal does not answer at {target}: {_first_line(error)}",
            remedy="start it with `longpole up`, or set TEMPORAL_ADDRESS to one that runs",
        ) from error


async def register_search_attributes(client: Client) -> list[str]:
    """Register what the namespace does not have yet; returns the names added.

    Raises `ServiceUnavailable` when the server refuses, e.g. for want of room (SQL stores have three Bool attributes).
    """
    try:
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {name: kind for name, kind in attributes.TYPES.items() if name not in known.custom_attributes}
        if missing:
            types = {name: _indexed_type(kind) for name, kind in missing.items()}
            request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
            await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return []
        raise ServiceUnavailable(
            f"Temporal refused the search attributes: {error.message}",
            remedy="register them by hand: " + ", ".join(f"{n} ({k})" for n, k in attributes.TYPES.items()),
        ) from error
    return list(missing)


def _indexed_type(kind: str) -> IndexedValueType.ValueType:
    name = "INDEXED_VALUE_TYPE_" + re.sub(r"(?<!^)(?=[A-Z])", "_", kind).upper()
    return IndexedValueType.Value(name)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
