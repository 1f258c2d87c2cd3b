"""The packages that bridges lead to are extras: what is missing is said with the line that installs it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

from ..errors import InputError

Foreign: TypeAlias = Any  # an object of such a package, whose types are known only where it is installed
EXTRAS = {"jax": "jax", "torch": "torch", "onnx": "onnx", "onnxruntime": "onnx"}


def needed(package: str, what: str) -> ModuleType:
    """The package, imported when `what` (a call, for the error) first needs it; its extra has the same parts.

    >>> needed("math", "an example").sqrt(4.0)
    2.0
    """
    try:
        return import_module(package)
    except ImportError as error:
        extra = EXTRAS.get(package.partition(".")[0], package)
        told = f"{what} needs {package}, which cannot be imported ({error}): pip install 'difflab[{extra}]'"
        raise InputError(told) from None
