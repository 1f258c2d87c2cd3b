"""Modules that take long to import, or that are not everywhere, are imported when something of them is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Late:
    """A module that is imported when something of it is first asked for.

    A file says at its top, where imports stand, `special: Value = Late("scipy.special")`. What has been asked for is
    kept, so that the next use costs what a module's costs. Where the module is missing, so is what is asked of it.

    >>> fractions = Late("fractions")
    >>> fractions.Fraction(2, 4)
    Fraction(1, 2)
    """

    def __init__(self, name: str) -> None:
        self.name: str = name

    def __getattr__(self, name: str) -> Any:
        try:
            found = getattr(import_module(self.name), name)
        except ImportError as error:
            raise AttributeError(f"{self.name}.{name}: {error}") from None
        self.__dict__[name] = found
        return found
