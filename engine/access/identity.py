"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from definitions.errors import Forbidden

LOCAL = "local"
"""Who owns what is stored and run from the command line."""
ADMIN = "admin"
"""The role that sees and steers everybody's."""
READ, WRITE = "read", "write"
SCOPES = (READ, WRITE)
MAX_SUBJECT = 255
"""Characters of a subject."""


@dataclass(frozen=True)
class Identity:
    """A caller. `scopes` empty: they restrict nothing. `via`: by what it was known."""

    subject: str
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    via: Literal["token", "api_key"] = "token"

    @property
    def is_admin(self) -> bool:
        """Whether it sees everybody's."""
        return ADMIN in self.roles

    @property
    def sees_owner(self) -> str | None:
        """Whose objects it sees; None: everybody's."""
        return None if self.is_admin else self.subject

    def require_admin(self) -> None:
        """Raises `Forbidden` (`admin_only`) for all but admins."""
        if not self.is_admin:
            raise Forbidden(f"this needs the role {ADMIN}", code="admin_only", remedy="ask an operator")

    def require_scope(self, scope: str) -> None:
        """Raises `Forbidden` (`insufficient_scope`) when its credentials were made for less."""
        if self.scopes and scope not in self.scopes:
            raise Forbidden(
                f"these credentials are for {', '.join(sorted(self.scopes))}, and this needs {scope}",
                code="insufficient_scope",
                remedy=f"use a token or key with the scope {scope}",
            )
