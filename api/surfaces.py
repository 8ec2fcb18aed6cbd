"""The surfaces that are served: to add one is to add its line here."""

from __future__ import annotations

from api.surface import Surface

SURFACES: tuple[Surface, ...] = ()
