"""Pools as an administrator changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduling_requests import BASE
from serving import Service


async def put(service: Service, name: str, spec: Mapping[str, Any]) -> None:
    """From now on the pool is that."""
    async with service.client("root", roles=["admin"]) as root:
        answer = await root.put(f"{BASE}/admin/pools/{name}", json=spec)
        assert answer.status_code == 200, answer.text
