"""Environments of gymnasium, whose releases give some of them other versions."""

from __future__ import annotations

from typing import Any


def environment(name: str, **options: Any) -> Any:
    """The environment; a name without a version is its newest."""
    import gymnasium

    if "-v" not in name:
        name = max(known for known in gymnasium.registry if known.rpartition("-v")[0] == name)
    return gymnasium.make(name, **options)
