from __future__ import annotations

import pytest

from engine.access.identity import Identity
from engine.core import Engine
from engine.settings import Settings
from engine.webhooks.webhooks import Webhooks

ANN = Identity("local")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Loopback may be called, and a receiver has not long."""
    changed = {
        "outbound_allow": ("127.0.0.0/8",),
        "webhook_plain_http": True,
        "webhook_seconds": 1.0,
        "webhook_retries": (0.0, 0.1, 0.1),
    }
    return settings.model_copy(update=changed)


@pytest.fixture
def webhooks(engine: Engine) -> Webhooks:
    """Those of the owner of runs from the command line."""
    return Webhooks(engine, ANN)
