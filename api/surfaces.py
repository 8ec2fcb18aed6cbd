"""The surfaces that are served: to add one is to add its line here."""

from __future__ import annotations

from api.orchestration.endpoints import ORCHESTRATION
from api.scheduling.endpoints import SCHEDULING
from api.surface import Surface

SURFACES: tuple[Surface, ...] = (SCHEDULING, ORCHESTRATION)
