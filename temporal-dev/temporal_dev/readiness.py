"""Asks a server whether it really answers, and sees to its search attributes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal_dev.errors import DevServerError

_CALL_TIMEOUT = timedelta(seconds=2)
# Calls have a timeout, connecting has not: it waits half a minute for something that accepts and then says nothing.
_ROUND_SECONDS = 5.0
_POLL_SECONDS = 0.03

# As `temporal server start-dev --search-attribute` spells them.
_TYPES: Mapping[str, IndexedValueType.ValueType] = {
    "Text": IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
    "Double": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    "Bool": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}


def check_types(search_attributes: Mapping[str, str]) -> None:
    """Raises `DevServerError` for a type that Temporal does not have."""
    for name, type_name in search_attributes.items():
        if type_name not in _TYPES:
            raise DevServerError(f"search attribute {name}: no type {type_name!r}; use one of {', '.join(_TYPES)}")


async def temporal_version_at(address: str) -> str | None:
    """The version of the Temporal server that answers at `address`; None when none does."""
    client = await Client.connect(address, lazy=True)
    try:
        async with asyncio.timeout(_CALL_TIMEOUT.total_seconds()):
            answer = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=_CALL_TIMEOUT)
    except (RPCError, RuntimeError, TimeoutError):  # RuntimeError: no connection
        return None
    return answer.server_version


async def until_ready(
    address: str,
    namespace: str,
    search_attributes: Mapping[str, str],
    *,
    timeout: float,
    running: Callable[[], bool],
) -> str | None:
    """Wait until the server is healthy, knows `namespace` and has `search_attributes` (name to type) there.

    Search attributes that the database does not have yet are added. None when all is well; otherwise, once `timeout`
    seconds are over or `running()` is false, what was still wrong. Raises `DevServerError` for search attributes that
    can never be had.
    """
    client = await Client.connect(address, namespace=namespace, lazy=True)
    deadline = time.monotonic() + timeout
    while True:
        try:
            async with asyncio.timeout(_ROUND_SECONDS):
                wrong = await _wrong(client, namespace, search_attributes)
        except (RPCError, RuntimeError, TimeoutError) as error:
            wrong = str(error) or "it is silent"
        if wrong is None:
            return None
        if time.monotonic() > deadline or not running():
            return wrong
        await asyncio.sleep(_POLL_SECONDS)


async def _wrong(client: Client, namespace: str, search_attributes: Mapping[str, str]) -> str | None:
    """What keeps the server from being ready, after having done something about it."""
    if not await client.service_client.check_health(timeout=_CALL_TIMEOUT):
        return "its frontend is not healthy"
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=namespace), timeout=_CALL_TIMEOUT
    )
    missing = await _missing(client, namespace, search_attributes)
    if not missing:
        return None
    await _add(client, namespace, missing)
    return f"it does not have the search attributes {', '.join(missing)}"


async def _missing(client: Client, namespace: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of `wanted` that the namespace does not have."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace), timeout=_CALL_TIMEOUT
    )
    present = answer.custom_attributes
    for name, type_name in wanted.items():
        if name in present and present[name] != _TYPES[type_name]:
            raise DevServerError(
                f"search attribute {name}: the database has it with another type than {type_name}, and types cannot be"
                " changed; use another name, or another data directory"
            )
    return {name: type_name for name, type_name in wanted.items() if name not in present}


async def _add(client: Client, namespace: str, missing: Mapping[str, str]) -> None:
    request = AddSearchAttributesRequest(
        namespace=namespace, search_attributes={name: _TYPES[type_name] for name, type_name in missing.items()}
    )
    try:
        await client.operator_service.add_search_attributes(request, timeout=_CALL_TIMEOUT)
    except RPCError as error:
        if error.status in (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.RESOURCE_EXHAUSTED):
            raise DevServerError(f"search attributes {', '.join(missing)} cannot be added: {error.message}") from None
        raise
