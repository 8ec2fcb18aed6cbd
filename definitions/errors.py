"""Every error of Longpole that a caller is meant to see.

* LongpoleError
  + DefinitionInvalid           a workflow document with problems (all of them)
  + DocumentUnreadable          a file that is no YAML or JSON at all; says line and column
  + ChangeRefused               a change of a run that goes on, with all that is wrong with it
  + InputInvalid                a run's input that does not meet the definition's `input_schema`
  + ReferenceInvalid            a `${...}` that can't be read
  + ReferenceUnresolved         a `${...}` that leads nowhere while a run goes on
  + ConditionError              a condition that failed while a run goes on
    + ExpressionRefused         a condition that `expr_v1` does not allow (known when it is stored)
  + QuantityInvalid             a duration, size or count that can't be read (also a `ValueError`)
  + FieldsInvalid               fields that do not go together (also a `ValueError`)
  + TraceInvalid                a file that is no WfFormat 1.5 trace
  + HandlerError
    + HandlerNotAllowed         a handler outside the operator's allow-list
    + HandlerNotFound           a handler that is allowed but not there
    + PluginUnavailable         a plugin that lacks a package, a setting or a secret
  + NotFound
    + DefinitionNotFound
    + ExecutionNotFound
  + CheckpointInvalid           the state of a run that this worker can't go on from
  + Conflict                    what was asked does not fit the state that the object is in
    + EventRefused              an event that a run can't take
    + DecisionRefused           an answer to an approval that can't be taken
    + IdempotencyKeyInUse       the request with this idempotency key is still being answered
  + IdempotencyKeyReused        an idempotency key that came with another request before
  + AccessError
    + Unauthenticated           no credentials, or none that can be accepted
    + Forbidden                 the caller is known, and may not do this
  + TooManyRequests             a rate or quota is used up; says when to try again
  + ServiceUnavailable          Temporal or the database does not answer

Each has a `code` that stays the same between releases, a `message` that names what is wrong, and a `remedy` that says
what to do about it (empty where there is nothing to do).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar


class LongpoleError(Exception):
    """The base of all. `str()` gives the message and the remedy."""

    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a document: `path` is where (`steps[2].depends_on[0]`, empty for the whole)."""

    code: str
    path: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{where}{self.message}{remedy}"

    def as_dict(self) -> dict[str, str]:
        """The four fields as JSON."""
        return asdict(self)


class ProblemsError(LongpoleError):
    """Something with one or more problems; `problems` holds all of them, in document order."""

    subject: ClassVar[str] = "the document"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{self.subject} has {count} problem{'' if count == 1 else 's'}"
        super().__init__("\n".join([f"{head}:", *(f"- {problem}" for problem in self.problems)]))


class DefinitionInvalid(ProblemsError):
    """A workflow document that can't be stored or run."""

    default_code = "definition_invalid"
    subject = "the definition"


class InputInvalid(ProblemsError):
    """A run's input that does not meet its definition's `input_schema`."""

    default_code = "input_invalid"
    subject = "the input"


class ChangeRefused(ProblemsError):
    """A change of a run that goes on which can't be made; nothing was changed."""

    default_code = "change_refused"
    subject = "the change"


class DocumentUnreadable(LongpoleError):
    """A file that can't be read as YAML or JSON. `line` and `column` count from 1; 0: not known."""

    default_code = "document_unreadable"

    def __init__(self, message: str, *, line: int = 0, column: int = 0, remedy: str = "") -> None:
        super().__init__(f"line {line}, column {column}: {message}" if line else message, remedy=remedy)
        self.line = line
        self.column = column


class ReferenceInvalid(LongpoleError):
    """A `${...}` that can't be read; the message quotes it."""

    default_code = "bad_reference"


class ReferenceUnresolved(LongpoleError):
    """A reference that leads nowhere in this run; the message names the whole path."""

    default_code = "reference_error"


class ConditionError(LongpoleError):
    """A condition that can't be answered: it fails its step, never the run's workflow task."""

    default_code = "condition_error"


class ExpressionRefused(ConditionError):
    """An expression outside what `expr_v1` allows; the message quotes the offending text."""

    default_code = "expression_refused"


class QuantityInvalid(LongpoleError, ValueError):
    """A duration, size or count that can't be read; the message quotes it."""

    default_code = "bad_quantity"


class FieldsInvalid(LongpoleError, ValueError):
    """Fields of one thing that do not go together, or that need another."""

    default_code = "bad_fields"


class TraceInvalid(LongpoleError):
    """A file that is no WfFormat 1.5 trace."""

    default_code = "trace_invalid"


class HandlerError(LongpoleError):
    """A handler that can't be used."""

    default_code = "handler_error"


class HandlerNotAllowed(HandlerError):
    """A handler outside the operator's allow-list: refused, never imported."""

    default_code = "handler_not_allowed"


class HandlerNotFound(HandlerError):
    """A handler that may be used but is not there."""

    default_code = "handler_not_found"


class PluginUnavailable(HandlerError):
    """A plugin, or one of its operations, that can't be used here; the remedy says what to install or set."""

    default_code = "plugin_unavailable"


class NotFound(LongpoleError):
    """Nothing there by that id, or nothing the caller may see.

    `foreign`: it is there, and another's. The message does not tell; a surface whose contract says so answers 403.
    """

    default_code = "not_found"

    def __init__(self, message: str, *, code: str | None = None, remedy: str = "", foreign: bool = False) -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.foreign = foreign


class DefinitionNotFound(NotFound):
    """No such workflow definition."""

    default_code = "definition_not_found"


class WorkflowNotFound(NotFound):
    """No such scheduled workflow."""

    default_code = "workflow_not_found"


class ExecutionNotFound(NotFound):
    """No such run."""

    default_code = "execution_not_found"


class Conflict(LongpoleError):
    """What was asked does not fit the object's state (cancelling a run that has ended)."""

    default_code = "conflict"


class EventRefused(Conflict):
    """An event that a run can't take: it is over, or too many are there already."""

    default_code = "event_refused"


class DecisionRefused(Conflict):
    """An answer that can't be taken: nothing is asked there, not by them, or with values that break the form."""

    default_code = "decision_refused"


class IdempotencyKeyInUse(Conflict):
    """The request that came first with this idempotency key is still being answered."""

    default_code = "idempotency_key_in_use"


class IdempotencyKeyReused(LongpoleError):
    """An idempotency key that came with another request before."""

    default_code = "idempotency_key_reused"


class AccessError(LongpoleError):
    """Something about who asks."""

    default_code = "access_denied"


class Unauthenticated(AccessError):
    """No credentials, or none that can be accepted; the message never repeats them."""

    default_code = "unauthenticated"


class Forbidden(AccessError):
    """The caller is known, and may not do this."""

    default_code = "forbidden"


class TooManyRequests(LongpoleError):
    """A rate or a quota is used up; `retry_after` is in seconds."""

    default_code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class ServiceUnavailable(LongpoleError):
    """Temporal or the database does not answer now; asking again later may help."""

    default_code = "service_unavailable"


class Misconfigured(LongpoleError):
    """What the operator has set can't be used; nobody who asks the service for something can do anything about it."""

    default_code = "misconfigured"


class CheckpointInvalid(LongpoleError):
    """The state of a run that this worker can't go on from."""

    default_code = "checkpoint_invalid"
