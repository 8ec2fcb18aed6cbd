"""E-mail over the operator's SMTP server."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

import aiosmtplib

from activities.notices import Notice

_PERMANENT = 500


class MailRefused(Exception):
    """The server does not take a message. `code`: of SMTP, None: it was not reached. `final`: it never will."""

    def __init__(self, message: str, code: int | None = None, *, final: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.final = final


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in, and as whom. `tls`: from the first byte (`tls`), after a word in the clear (`starttls`,
    required), or not at all."""

    host: str
    port: int
    tls: Literal["tls", "starttls", "none"]
    sender: str
    user: str | None = None
    password: str | None = None

    async def send(self, address: str, notice: Notice, message_id: str, *, seconds: float) -> int:
        """Hand in one message; returns SMTP's code. `message_id` without brackets and host, the same for each attempt.

        Raises `MailRefused`."""
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = self.sender, address, notice.subject
        letter["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2].rstrip('>')}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
        letter.set_content(notice.body)
        try:
            await aiosmtplib.send(
                letter,
                hostname=self.host,
                port=self.port,
                use_tls=self.tls == "tls",
                start_tls=self.tls == "starttls",
                username=self.user,
                password=self.password,
                timeout=seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            raise _refused(refused.code, refused.message) from None
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPSenderRefused) as error:
            raise _refused(error.code, error.message) from None
        except aiosmtplib.SMTPResponseException as error:  # who we are is the operator's to mend
            raise MailRefused(f"the mail server says {error.code}: {error.message}", error.code) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailRefused(f"the mail server can't be used: {error}") from None
        return aiosmtplib.SMTPStatus.completed


def _refused(code: int, message: str) -> MailRefused:
    return MailRefused(f"the mail server says {code}: {message}", code, final=code >= _PERMANENT)
