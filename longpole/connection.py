"""Which Temporal a command talks to: the one that the environment names, else that of the running service."""

from __future__ import annotations

import os

from temporal_dev import external_address

from definitions.errors import ServiceUnavailable
from engine.settings import Settings
from longpole.service_files import ServiceFiles
from longpole.service_info import ServiceInfo


def find_service(settings: Settings) -> ServiceInfo | None:
    """The service that runs on the data directory, if any."""
    return ServiceFiles(settings.data_dir).running()


def is_service_held(settings: Settings) -> bool:
    """Whether there still is one for those who use it; while it waits for them to leave, `find_service` finds none."""
    return ServiceFiles(settings.data_dir).held()


def use_known_temporal(settings: Settings) -> bool:
    """Make this process connect to that Temporal; False when neither names one (the SDK's defaults are left then)."""
    if external_address() is not None:
        return True
    service = find_service(settings)
    if service is not None:
        use_temporal_of(service)
    return service is not None


def require_known_temporal(settings: Settings) -> None:
    """As `use_known_temporal`, for commands that need a running service. Raises `ServiceUnavailable`."""
    if not use_known_temporal(settings):
        raise ServiceUnavailable(
            f"no service is running on {settings.data_dir}",
            remedy="start it with `longpole up`, or set TEMPORAL_ADDRESS to a Temporal that runs elsewhere",
        )


def use_temporal_of(service: ServiceInfo) -> None:
    """From now on, this process and its children connect to that service's Temporal.

    One that Longpole started itself has no TLS, API key or other namespace: what the user's environment or the SDK's
    profile file say about another server must not be applied to it.
    """
    if service.temporal.embedded:
        for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
            del os.environ[name]
        os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    os.environ["TEMPORAL_ADDRESS"] = service.temporal.address
