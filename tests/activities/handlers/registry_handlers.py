"""What the registry's tests look for, and what it must refuse."""

import subprocess
from os import system
from textwrap import dedent

__all__ = ["dedent", "good", "subprocess", "system"]

VALUE = 3


def good(data: object) -> object:
    return data


async def good_async(data: object) -> object:
    return data


def _hidden(data: object) -> object:
    return data


class Callable:
    def __call__(self, data: object) -> object:
        return data


instance = Callable()


def __getattr__(name: str) -> object:
    return system
