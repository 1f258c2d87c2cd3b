"""What SciPy once had in scipy.misc."""

from __future__ import annotations

from .special import logsumexp as logsumexp
