"""Places where a test can make this process die, to see that nothing is lost there: `LONGPOLE_FAILPOINT=name:kill`."""

from __future__ import annotations

import os
import signal

import structlog

_ARMED = os.environ.get("LONGPOLE_FAILPOINT", "")


def failpoint(name: str) -> None:
    """Do nothing, unless the environment says that the process dies here."""
    if f"{name}:kill" == _ARMED:
        structlog.get_logger().warning("failpoint reached", name=name)
        os.kill(os.getpid(), signal.SIGKILL)
