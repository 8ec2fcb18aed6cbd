"""What every measurement says: on which machine; its lines as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any


def machine() -> str:
    """Cores, architecture and Python."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def print_json(lines: Sequence[Any], name: str = "lines", **more: object) -> None:
    """One JSON object: the machine, what else there is, and dataclasses as lines."""
    json.dump({"machine": machine(), **more, name: [asdict(each) for each in lines]}, sys.stdout, indent=2)
    print()
