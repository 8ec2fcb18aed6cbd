"""Handlers of `error_handler.yaml`: a card that is declined is no reason to lose the order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longpole import PermanentFailure, step

CARD_LIMIT = 500


def charge_card(data: Mapping[str, Any]) -> dict[str, Any]:
    """Charge `{"amount": number}` to a pretended card with a limit of 500.

    Raises `PermanentFailure` of class `declined` above the limit: another attempt would be declined too."""
    if data["amount"] > CARD_LIMIT:
        raise PermanentFailure(f"the card was declined: {data['amount']} is above {CARD_LIMIT}", error_class="declined")
    return {"paid_by": "card", "reference": step.idempotency_key}


def fall_back_to_invoice(data: Mapping[str, Any]) -> dict[str, Any]:
    """Runs only after `charge` has failed for good, with `error` in its input.

    `"recovered": True` lets what it returns stand for the output of `charge`: only when the card was declined."""
    error = data["error"]
    declined = error["error_class"] == "declined"
    step.log.warning("falling back to an invoice" if declined else "no way to be paid", error=error["message"])
    return {"recovered": declined, "paid_by": "invoice", "reference": step.idempotency_key}


def ship(data: Mapping[str, Any]) -> dict[str, str]:
    """What the customer is told."""
    return {"message": f"On its way, paid by {data['paid_by']}."}
