"""What an operator can choose about webhooks and notifications."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from activities.mail import MailServer
from definitions.durations import parse_duration
from store.webhook_terms import Terms


def _pauses(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return [parse_duration(part.strip() if isinstance(part, str) else part) for part in parts]


Pauses = Annotated[tuple[Annotated[float, Field(ge=0, le=7 * 86_400)], ...], NoDecode, BeforeValidator(_pauses)]
"""Durations; environment variables hold them with commas (`5s,5m,30m`)."""


class WebhookSettings(BaseSettings):
    """When webhooks are tried again, and how e-mail is sent."""

    webhook_seconds: float = Field(default=15.0, gt=0, le=120)
    """How long a receiver has for its whole answer."""
    webhook_retries: Pauses = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
    """Pauses before the second attempt, the third, ...; then the message is given up. Up to 10 % longer, at random."""
    webhook_disable_days: float = Field(default=5.0, gt=0, le=365)
    """A webhook that has failed for so long is disabled."""
    webhook_log_days: float = Field(default=30.0, ge=1, le=3650)
    """How long deliveries and their attempts are kept."""
    webhook_plain_http: bool = False
    """Whether `http://` addresses are taken, too."""
    smtp_host: str | None = None
    """The mail server for notifications; without one they wait, and are given up in the end."""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str = "Longpole <longpole@localhost>"
    """Whom notifications come from."""

    @property
    def webhook_terms(self) -> Terms:
        """When to try again, and when to stop."""
        return Terms(self.webhook_retries, timedelta(days=self.webhook_disable_days))

    @property
    def mail_server(self) -> MailServer | None:
        """The mail server, ready for use."""
        if self.smtp_host is None:
            return None
        password = self.smtp_password.get_secret_value() if self.smtp_password is not None else None
        return MailServer(self.smtp_host, self.smtp_port, self.smtp_tls, self.smtp_from, self.smtp_user, password)
