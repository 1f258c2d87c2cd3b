"""Chapter 3: losses, and the descent on them."""

from __future__ import annotations

import numpy as np

from .registry import figure


@figure("3-1-gradient-descent", number="3.1")
def gradient_descent() -> object:
    """Figure 3.1: each step goes against the gradient, which stands at right angles to the contour lines. The ravine is
    20 times as steep across as along, so the step that still suits the one is small for the other."""
    import difflab as dl
    from difflab.draw.landscape import Landscape

    f = lambda p: 0.5 * (p[0] ** 2 + 20 * p[1] ** 2)
    path = [np.array([-4.0, 1.2])]
    for _ in range(25):
        path.append(path[-1] - 0.085 * dl.grad(f)(path[-1]))
    return Landscape(f, path, (-4.6, 1.6, -1.8, 1.8), "25 steps of gradient descent in a ravine")
