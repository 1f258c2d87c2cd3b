"""Flattening, optimisers and fixed points."""

from __future__ import annotations

from .flatten import flatten as flatten
