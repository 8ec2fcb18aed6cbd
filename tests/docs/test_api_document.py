"""docs/api.md names every setting of access and HTTP, and its default."""

from __future__ import annotations

import re
from pathlib import Path

from engine.access.settings import AccessSettings
from engine.http_settings import HttpSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
UNITS = {"MiB": 1024 * 1024}


def documented() -> dict[str, str]:
    """Settings and their defaults, as the table has them."""
    found = {}
    table = DOCUMENT.read_text().split("## Settings")[1]
    for row in re.findall(r"^\| (`.*?) \| ?(.*?) \| .* \|$", table, re.MULTILINE):
        names = re.findall(r"`(\w+)`", row[0])
        defaults = [part.strip(" `") for part in re.split(r", ", row[1])]
        found |= dict(zip(names, defaults * (len(names) if len(defaults) == 1 else 1), strict=True))
    return found


def shown(default: object) -> str:
    if default is None or default == ():
        return ""
    if isinstance(default, tuple):
        return ",".join(default)
    if isinstance(default, int) and default and default % UNITS["MiB"] == 0:
        return f"{default // UNITS['MiB']} MiB"
    return f"{default:g}" if isinstance(default, int | float) else str(default)


def test_every_setting_is_documented_with_its_default() -> None:
    fields = {**AccessSettings.model_fields, **HttpSettings.model_fields}
    assert documented() == {name: shown(field.default) for name, field in fields.items()}
