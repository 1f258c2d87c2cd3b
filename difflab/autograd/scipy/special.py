"""The functions of scipy.special, for traced values as well."""

from __future__ import annotations

from ...graph.array_namespace import resolve as _resolve
from ...late import Late as _Late
from ...types import Value
from ..extend import notrace_primitive as _notrace
from ..numpy.dispatching import dispatching as _dispatching, found as _found

_special: Value = _Late("scipy.special")
logsumexp: Value = _dispatching("logsumexp", _resolve("logsumexp"))


@_notrace
def gammasgn(x: Value) -> Value:
    """The sign of the gamma function, which is constant between its poles.

    >>> float(gammasgn(-0.5))
    -1.0
    """
    return _special.gammasgn(x)


def __getattr__(name: str) -> Value:
    value = globals()[name] = _found(__name__, _special, name)
    return value
