"""Remedies that name a command of `longpole`, with the endpoint that does the same in its place.

The core says what to do in the command line's words, which are the same whoever asks. Commands for which there is no
endpoint, such as those that start a worker, stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from api.faults import Fault

_COMMAND = re.compile(r"`longpole ([a-z]+)((?: [^`]*)?)`")
_RUN = "/v1/workflows/executions/{execution_id}"
_ENDPOINTS = {
    "show": f"GET {_RUN}",
    "rerun": f"POST {_RUN}/rerun",
    "change": f"POST {_RUN}/steps",
    "cancel": f"POST {_RUN}/stop",
    "logs": f"GET {_RUN}/logs",
    "run": "POST /v1/workflows/{workflow_id}/execute",
    "list": "GET /v1/workflows",
}
_FIELDS = {"--from": "from_step", "--version": "version", "--repeat": "repeat", "--input": "parameters"}
"""Of a command's options, those of the endpoint's body."""


def with_endpoints(fault: Fault, ids: Mapping[str, str]) -> Fault:
    """The fault with endpoints in its remedies. `ids`: what is known of their paths."""
    problems = tuple(replace(each, remedy=_told(each.remedy, ids)) for each in fault.problems)
    return replace(fault, remedy=_told(fault.remedy, ids), problems=problems)


def _told(remedy: str, ids: Mapping[str, str]) -> str:
    return _COMMAND.sub(lambda found: _endpoint(found, ids), remedy)


def _endpoint(found: re.Match[str], ids: Mapping[str, str]) -> str:
    endpoint = _ENDPOINTS.get(found[1])
    if endpoint is None:
        return found[0]
    for name, value in ids.items():
        endpoint = endpoint.replace(f"{{{name}}}", value)
    fields = [_FIELDS[word] for word in found[2].split() if word in _FIELDS]
    return f"`{endpoint}`" + (f" with {', '.join(f'`{field}`' for field in fields)}" if fields else "")
