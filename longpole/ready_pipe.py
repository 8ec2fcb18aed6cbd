"""How a child process tells the supervisor that it is ready: one line of JSON through an inherited pipe."""

from __future__ import annotations

import json
import os
import select
from typing import Any

_VARIABLE = "LONGPOLE_READY_FD"


def announce(**facts: Any) -> None:
    """In a child: it is ready, and this is worth knowing about it. Does nothing without a supervisor."""
    descriptor = os.environ.pop(_VARIABLE, None)
    if descriptor is not None:
        with os.fdopen(int(descriptor), "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(facts) + "\n")


class ReadyPipe:
    """The supervisor's side: pass `child_end` to the child, with `environment`."""

    def __init__(self) -> None:
        self._read_end, self.child_end = os.pipe()
        self._received = b""
        self.facts: dict[str, Any] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the child's environment needs."""
        return {_VARIABLE: str(self.child_end)}

    def started(self) -> None:
        """The child has its end: close ours."""
        os.close(self.child_end)

    def wait(self, seconds: float) -> bool:
        """Whether the child has announced itself, after waiting at most this long."""
        if self.facts is None and select.select([self._read_end], [], [], seconds)[0]:
            self._received += os.read(self._read_end, 4096)
            if self._received.endswith(b"\n"):
                self.facts = json.loads(self._received)
        return self.facts is not None

    def close(self) -> None:
        """No longer interested."""
        os.close(self._read_end)
