"""The pools that all scheduled workflows share: those of a file, and over them what was changed since."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from definitions.errors import LongpoleError, Misconfigured, NotFound
from definitions.files import parse_document
from definitions.pools import PoolsDocument, load_pools
from store import pools as stored
from store.database import Database, Session
from store.reservations import open_book


@dataclass(frozen=True)
class PoolView:
    """A pool. `changed`: it is not what the file says."""

    name: str
    spec: Mapping[str, Any]
    changed: bool


class PoolBook:
    """The pools of a service. Blocking database work runs in threads."""

    def __init__(self, database: Database, file: Path | None) -> None:
        self._database = database
        self._path = file

    @cached_property
    def _file(self) -> _PoolsFile:
        if self._path is None:
            return _parsed((files(__package__) / "sample_pools.yaml").read_text(), ".yaml")
        try:
            return _parsed(self._path.read_text(), self._path.suffix)
        except (OSError, UnicodeDecodeError, LongpoleError) as error:
            message = f"the pools file {self._path} can't be used: {error}"
            raise Misconfigured(message, remedy="mend it, or the setting `pools_file`") from None

    def read(self, session: Session) -> PoolsDocument:
        """All pools as they are now. Raises `Misconfigured` for a file that can't be used, as all here do."""
        changes = stored.pool_changes(session)
        if not changes:
            return self._file.pools
        specs = self._specs(changes)
        return self._with(specs) if specs else self._file.pools.model_copy(update={"pools": {}})

    def document(self, session: Session) -> dict[str, Any]:
        """The same as a pools file has it."""
        return {**self._file.document, "pools": self._specs(stored.pool_changes(session))}

    def _specs(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        whole = {**self._file.document["pools"], **changes}
        return {name: spec for name, spec in whole.items() if spec is not None}

    def _with(self, specs: Mapping[str, Any]) -> PoolsDocument:
        return load_pools({**self._file.document, "pools": dict(specs)})

    async def list(self) -> list[PoolView]:
        """All pools, by name, as they were written."""

        def read() -> list[PoolView]:
            with self._database.read() as session:
                changes = stored.pool_changes(session)
            specs = self._specs(changes)
            return [PoolView(name, _whole(spec), name in changes) for name, spec in sorted(specs.items())]

        return await asyncio.to_thread(read)

    async def put(self, name: str, spec: Mapping[str, Any] | float, *, by: str) -> PoolView:
        """Make the pool that; plans in force stay as they are. Raises `PoolsInvalid`."""
        self._with({name: spec})
        kept = _whole(spec)

        def write() -> None:
            with self._database.write() as session:
                open_book(session)
                stored.change_pool(session, name, kept, by=by)

        await asyncio.to_thread(write)
        return PoolView(name, kept, changed=True)

    async def remove(self, name: str, *, by: str) -> None:
        """From now on nothing more is planned on it. Raises `NotFound`."""

        def write() -> None:
            with self._database.write() as session:
                open_book(session)
                if name not in self._specs(stored.pool_changes(session)):
                    raise NotFound(f"there is no pool {name[:80]}", code="pool_not_found", remedy="list the pools")
                stored.change_pool(session, name, None, by=by)

        await asyncio.to_thread(write)


@dataclass(frozen=True, slots=True)
class _PoolsFile:
    """A pools file as it is written, and what it means."""

    document: Mapping[str, Any]
    pools: PoolsDocument


@lru_cache(maxsize=8)
def _parsed(text: str, suffix: str) -> _PoolsFile:
    """Kept, as each request asks for it; who gets it changes nothing in it."""
    document = parse_document(text, suffix)
    return _PoolsFile(document, load_pools(document))


def _whole(spec: Any) -> dict[str, Any]:
    """A number alone is the capacity."""
    return dict(spec) if isinstance(spec, Mapping) else {"capacity": spec}
