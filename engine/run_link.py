"""Where a run is in the Temporal web UI."""

from __future__ import annotations

import os


def run_link(ui_url: str | None, execution_id: str, namespace: str | None = None) -> str | None:
    """The address of the run's page; None when it is not known where the web UI is."""
    if ui_url is None:
        return None
    namespace = namespace or os.environ.get("TEMPORAL_NAMESPACE") or "default"
    return f"{ui_url.rstrip('/')}/namespaces/{namespace}/workflows/{execution_id}"
