"""The processor as XLA programs of difflab's use it: a call runs at once, in the thread that makes it.

JAX hands each call to another thread and comes back before it is done. Here the result is asked for at once, so that
this only costs: some 40 microseconds, more than many programs take. So there is a client of difflab's own, beside
JAX's, which a user's own code keeps as it is.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from ...types import DType, Shape
from .carrier import jax


@cache
def device() -> Any:
    """The processor in a client that waits for nothing; None where JAX computes elsewhere, or knows no such client."""
    if jax().default_backend() != "cpu":
        return None
    try:
        client = import_module("jaxlib.xla_client").make_cpu_client(asynchronous=False)
    except (ImportError, AttributeError, TypeError):  # of another version: JAX's own client does the same, later
        return None
    return client.local_devices()[0]


def placed(shape: Shape, dtype: DType) -> Any:
    """An argument of that shape and dtype on the device."""
    sharding = {} if device() is None else {"sharding": jax().sharding.SingleDeviceSharding(device())}
    return jax().ShapeDtypeStruct(shape, dtype, **sharding)


def target() -> dict[str, Any]:
    """Where a program from the cache is loaded to."""
    return {} if device() is None else {"backend": device().client, "execution_devices": [device()]}
