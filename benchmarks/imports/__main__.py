"""python -m benchmarks.imports jax: which public functions of a library can be read as graphs, and how exactly."""

from __future__ import annotations

import sys
from importlib import import_module

if __name__ == "__main__":
    raise SystemExit(import_module(f"benchmarks.imports.{sys.argv[1]}_coverage").main(sys.argv[2:]))
