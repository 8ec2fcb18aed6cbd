"""The data directory's own signing key, for a service without an identity provider."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from definitions.errors import LongpoleError
from engine.access.settings import MIN_SECRET_BYTES

_FILE = "signing.key"
_RANDOM_BYTES = 48


class LocalKey:
    """A random key in a file that only its owner can read; made by whoever needs it first."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE
        self._key = b""
        self._version: tuple[int, int, int] = (0, 0, 0)

    def read(self) -> bytes:
        """The key as the file has it now.

        Raises `LongpoleError` (`signing_key_unusable`) when it can't be read or made, is short, or not secret.
        """
        try:
            try:
                status = self._path.stat()
            except FileNotFoundError:
                self._make()
                status = self._path.stat()
            version = (status.st_ino, status.st_mtime_ns, status.st_mode)
            if version != self._version:
                self._key, self._version = self._load(stat.S_IMODE(status.st_mode)), version
        except OSError as error:
            raise self._unusable(f"can't be used: {error.strerror}") from None
        return self._key

    def _load(self, mode: int) -> bytes:
        if mode & 0o077:
            raise self._unusable("can be read by other users", f"chmod 600 {self._path}, or remove it for a new one")
        key = self._path.read_bytes().strip()
        if len(key) < MIN_SECRET_BYTES:
            raise self._unusable(f"is shorter than {MIN_SECRET_BYTES} bytes", "remove it for a new one")
        return key

    def _make(self) -> None:
        """Whole or not at all, and the first of several makers wins: a key never changes under a token."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(_RANDOM_BYTES))
            try:
                os.link(draft, self._path)
            except FileExistsError:
                return
        finally:
            draft.unlink(missing_ok=True)

    def _unusable(self, why: str, remedy: str = "") -> LongpoleError:
        return LongpoleError(f"the signing key {self._path} {why}", code="signing_key_unusable", remedy=remedy)
