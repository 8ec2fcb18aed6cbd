"""Templates of workflows: documents with parameters, some that come with Longpole, others of users."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from definitions.errors import Forbidden, NotFound, Problem, ProblemsError
from definitions.files import parse_document
from definitions.nearest import did_you_mean
from engine.access.identity import Identity
from store import blueprints as stored
from store.database import Database
from store.orchestration_tables import Blueprint

PREFIX = "template_"
MOST = 1_000
"""How many are listed."""
_REFERENCE = re.compile(r"(?<!\$)\$\{\s*template\.([A-Za-z_][A-Za-z0-9_]*)\s*\}")
_HEX = re.compile(r"[0-9a-f]{32}", re.ASCII)


class ParametersInvalid(ProblemsError):
    """Parameters that a template can't be filled in with."""

    default_code = "parameters_invalid"
    subject = "`parameters`"


@dataclass(frozen=True)
class Template:
    """A document with `${template.<name>}` in it. `parameters`: by name, each with `default` or, where one must be
    given, `example`, and `description`. `owner` None: it came with Longpole."""

    id: str
    name: str
    description: str
    category: str
    document: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    owner: str | None = None

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The document with values for its parameters. Raises `ParametersInvalid` with every problem."""
        problems = [
            Problem(
                "unknown_parameter",
                f"parameters.{name[:80]}",
                f"there is no parameter `{name[:80]}`",
                did_you_mean(name, self.parameters) or f"it has {', '.join(self.parameters) or 'none'}",
            )
            for name in given
            if name not in self.parameters
        ]
        problems += [
            Problem("missing_parameter", f"parameters.{name}", f"`{name}` has no default", "give it")
            for name, about in self.parameters.items()
            if name not in given and "default" not in about
        ]
        if problems:
            raise ParametersInvalid(problems)
        values = {name: given.get(name, about.get("default")) for name, about in self.parameters.items()}
        return dict(_with_values(self.document, values))

    def example(self) -> dict[str, Any]:
        """The document as it would be with defaults and examples."""
        values = {name: about.get("default", about.get("example")) for name, about in self.parameters.items()}
        return dict(_with_values(self.document, values))

    def problems(self) -> list[Problem]:
        """Parameters that nothing is known of, and references to such that there are not."""
        unknown = _references(self.document) - self.parameters.keys()
        found = [
            Problem("unknown_parameter", "workflow", f"`{name}` is no parameter", "add it to `parameters`")
            for name in sorted(unknown)
        ]
        for name, about in self.parameters.items():
            if not about.keys() & {"default", "example"}:
                remedy = "give a default, or an example where it must be given"
                found.append(Problem("missing_field", f"parameters.{name}", "it has no `default` or `example`", remedy))
        return found


class Templates:
    """All that can be done with templates, for a viewer."""

    def __init__(self, database: Database, viewer: Identity) -> None:
        self._database = database
        self._viewer = viewer

    async def list(self) -> list[Template]:
        """Those that come with Longpole, then the viewer's own, the newest first."""

        def read() -> list[Blueprint]:
            with self._database.read() as session:
                return stored.list_blueprints(session, owner=self._viewer.sees_owner, limit=MOST)

        return [*built_in().values(), *map(_template, await asyncio.to_thread(read))]

    async def get(self, template_id: str) -> Template:
        """Raises `NotFound` (`template_not_found`)."""
        if template_id in built_in():
            return built_in()[template_id]

        def read() -> Blueprint | None:
            with self._database.read() as session:
                return stored.get_blueprint(session, _uuid(template_id), owner=self._viewer.sees_owner)

        found = await asyncio.to_thread(read)
        if found is None:
            raise _not_found(template_id)
        return _template(found)

    async def add(self, template: Template, uuid: UUID) -> Template:
        """Store one under that id; again with the same id it is the same."""
        row = Blueprint(
            id=uuid,
            owner=self._viewer.subject,
            name=template.name,
            description=template.description,
            category=template.category,
            parameters={name: dict(about) for name, about in template.parameters.items()},
            document=dict(template.document),
        )

        def write() -> Template:
            with self._database.write() as session:
                return _template(stored.add_blueprint(session, row))

        return await asyncio.to_thread(write)

    async def remove(self, template_id: str) -> None:
        """Raises `NotFound` (`template_not_found`), and `Forbidden` for one that comes with Longpole."""
        if template_id in built_in():
            raise Forbidden(f"{template_id} comes with Longpole", code="template_built_in", remedy="leave it be")

        def write() -> None:
            with self._database.write() as session:
                found = stored.get_blueprint(session, _uuid(template_id), owner=self._viewer.sees_owner)
                if found is None:
                    raise _not_found(template_id)
                stored.remove_blueprint(session, found)

        await asyncio.to_thread(write)


@cache
def built_in() -> dict[str, Template]:
    """Those that come with Longpole, by id."""
    found = {}
    for file in sorted((files(__package__) / "templates").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            given = parse_document(file.read_text(encoding="utf-8"), ".yaml")
            template_id = f"{PREFIX}{file.name.removesuffix('.yaml')}"
            found[template_id] = Template(template_id, **given)
    return found


def _template(row: Blueprint) -> Template:
    return Template(
        f"{PREFIX}{row.id.hex}", row.name, row.description, row.category, row.document, row.parameters, row.owner
    )


def _uuid(template_id: str) -> UUID:
    text = template_id.removeprefix(PREFIX)
    if not template_id.startswith(PREFIX) or not _HEX.fullmatch(text):
        raise _not_found(template_id)
    return UUID(hex=text)


def _not_found(template_id: str) -> NotFound:
    message = f"there is no template {template_id[:80]}"
    return NotFound(message, code="template_not_found", remedy="list the templates to see their ids")


def _with_values(value: Any, values: Mapping[str, Any]) -> Any:
    """A string that is one reference becomes the value; in others, values are written as text."""
    if isinstance(value, Mapping):
        return {key: _with_values(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_values(item, values) for item in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return values.get(whole[1])
    return _REFERENCE.sub(lambda match: str(values.get(match[1])), value)


def _references(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return set().union(*map(_references, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_references, value)) if value else set()
    return set(_REFERENCE.findall(value)) if isinstance(value, str) else set()
