from __future__ import annotations

import os
import pwd

import pytest

from longpole.cli.login_name import login_name

VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def test_it_is_what_somebody_is_logged_in_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert login_name() == "ann"


def test_a_user_that_the_system_does_not_know_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    unknown = max(each.pw_uid for each in pwd.getpwall()) + 1
    monkeypatch.setattr(os, "getuid", lambda: unknown)
    assert login_name() == f"uid {unknown}"
