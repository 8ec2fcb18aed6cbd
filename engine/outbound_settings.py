"""What an operator can choose about calls that this service makes to others on its users' behalf."""

from __future__ import annotations

from ipaddress import ip_network

from pydantic import field_validator
from pydantic_settings import BaseSettings

from activities.addresses import OutboundPolicy
from engine.setting_types import CommaList


class OutboundSettings(BaseSettings):
    """Where webhooks, notifications and the plugin `http` may go."""

    outbound_allow: CommaList = ()
    """Networks that may be called although they are not public: `10.1.0.0/16`, `127.0.0.1`, `fd00::/8`."""

    @field_validator("outbound_allow")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network, strict=False)
        return networks

    @property
    def outbound_policy(self) -> OutboundPolicy:
        """The same, ready for use."""
        return OutboundPolicy.of(self.outbound_allow)
