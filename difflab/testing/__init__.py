"""Testing gradients, one's own and other people's.

`assert_gradients_agree` judges a gradient, `check_grads` derivatives of any order, `find_broken_rule` names the rule
that is wrong, `taylor_test` looks at the order of the remainder; `strategies` draws points with hypothesis. Installing
difflab gives pytest a fixture named `assert_gradients_agree` and the marker `gradients`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from ..types import Value

if TYPE_CHECKING:  # pytest loads this package in every run, so at run time a name is loaded when it is asked for
    from ..errors import DisagreementError as DisagreementError
    from ..lab.taylor import taylor_test as taylor_test
    from . import strategies as strategies
    from .agreement import assert_gradients_agree as assert_gradients_agree
    from .broken import find_broken_rule as find_broken_rule
    from .orders import check_grads as check_grads

_HOMES = {
    "DisagreementError": "difflab.errors",
    "assert_gradients_agree": "difflab.testing.agreement",
    "check_grads": "difflab.testing.orders",
    "find_broken_rule": "difflab.testing.broken",
    "taylor_test": "difflab.lab.taylor",
}

__all__ = [
    "DisagreementError",
    "assert_gradients_agree",
    "check_grads",
    "find_broken_rule",
    "strategies",
    "taylor_test",
]


def __getattr__(name: str) -> Value:
    if name == "strategies":
        return import_module("difflab.testing.strategies")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'difflab.testing' has no attribute {name!r}; it has {', '.join(__all__)}")


if "pytest" in sys.modules:  # true where pytest loads this as its plugin
    from .plugin import (  # noqa: F401
        _assert_gradients_agree,
        pytest_configure,
        pytest_generate_tests,
        pytest_pyfunc_call,
        pytest_runtest_call,
    )
