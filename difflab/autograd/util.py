"""Small helpers that programs written for autograd import."""

from __future__ import annotations

import warnings
from typing import Any

from ..types import Function, Value
from .sequences import func as func, subval as subval, subvals as subvals, toposort as toposort
from .test_util import check_grads


def quick_grad_check(
    fun: Function, arg0: Value, extra_args: tuple[Value, ...] = (), kwargs: dict[str, Value] | None = None, **_: Any
) -> None:
    """The gradient of fun by its first argument against differences; autograd deprecated it in 2017.

    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     quick_grad_check(lambda x, y: x**2 + y, 1.0, (2.0,))
    """
    warnings.warn(
        "quick_grad_check is deprecated by autograd: use autograd.test_util.check_grads", DeprecationWarning, 2
    )
    check_grads(lambda x: fun(x, *extra_args, **(kwargs or {})), modes=["rev"], order=1)(arg0)
