"""What is told of an event in words, to people: in chats and by e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Notice:
    """`subject` is one line."""

    subject: str
    body: str

    @property
    def text(self) -> str:
        """Both."""
        return f"{self.subject}\n{self.body}"


def notice_of(payload: Mapping[str, Any]) -> Notice:
    """The payload of a webhook event, in words."""
    data = payload["data"]
    what = data.get("workflow_name") or data["workflow_id"]
    if step := data.get("step_id"):
        what = f"{what}: step {step}"
    subject = " ".join(f"{what} {data['status']}".split())[:_LONGEST_SUBJECT]
    lines = [("execution", data["execution_id"]), ("workflow", data["workflow_id"]), ("at", payload["timestamp"])]
    if data.get("duration_seconds") is not None:
        lines.append(("took", f"{data['duration_seconds']:.1f} s"))
    if data.get("cost_usd"):
        lines.append(("cost", f"{data['cost_usd']:.2f} USD"))
    if error := data.get("error"):
        lines.append(("error", f"{error.get('code', 'error')}: {error.get('message', '')}"))
    lines += [("artifact", uri) for uri in data.get("artifacts", [])]
    return Notice(subject, "".join(f"{name}: {' '.join(str(value).split())}\n" for name, value in lines))
