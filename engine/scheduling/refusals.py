"""Why a workflow can't be scheduled, or what was asked of one can't be done; each with its numbers."""

from __future__ import annotations

from definitions.errors import Conflict, LongpoleError


class WindowExpired(LongpoleError):
    """The latest start has passed."""

    default_code = "scheduling_window_expired"


class ResourceConflict(Conflict):
    """There is no room for it: not in its window, or not at all."""

    default_code = "resource_conflict"


class CostLimitExceeded(LongpoleError):
    """Its cheapest plan costs more than its budget."""

    default_code = "cost_limit_exceeded"


class DependencyCycle(LongpoleError):
    """Steps wait for each other in a circle."""

    default_code = "dependency_cycle"


class InvalidWorkflowStatus(LongpoleError):
    """What was asked can't be done in the workflow's state."""

    default_code = "invalid_workflow_status"
