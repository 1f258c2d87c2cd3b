"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# The machine may be slow and shared: no deadline for one example. In CI the same examples are drawn each time.
settings.register_profile("shared", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "shared")
