"""Kernels of image processing, as the course's chapter on convolution shows them."""

from __future__ import annotations

from math import comb

import numpy as np

from ..errors import InputError
from ..types import Array


def gaussian(size: int = 5, sigma: float = 1.0) -> Array:
    """A Gaussian blur of (size, size) with standard deviation sigma in pixels; it sums to 1.

    >>> gaussian(3).round(3)
    array([[0.075, 0.124, 0.075],
           [0.124, 0.204, 0.124],
           [0.075, 0.124, 0.075]])
    """
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise InputError(f"gaussian: size={size!r}; give an odd integer, so that there is a middle")
    if not sigma > 0:
        raise InputError(f"gaussian: sigma={sigma!r}; a standard deviation is positive")
    line = np.exp(-0.5 * ((np.arange(size) - size // 2) / sigma) ** 2)
    blur: Array = np.outer(line, line) / line.sum() ** 2
    return blur


def binomial(size: int = 3) -> Array:
    """The blur of binomial coefficients, (size, size): for size 3 the course's Gaussian, [1 2 1; 2 4 2; 1 2 1] / 16.

    Each row is a row of Pascal's triangle over 2^(size - 1), which tends to a Gaussian of variance (size - 1) / 4. Its
    numbers are exact (binomials over a power of two), and two such blurs are one, of a larger size.

    >>> 16 * binomial(3)
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= 61 or size % 2 == 0:
        raise InputError(f"binomial: size={size!r}; give an odd integer from 1 to 61, so that there is a middle")
    line = np.array([comb(size - 1, k) for k in range(size)], float) / 2.0 ** (size - 1)
    return np.outer(line, line)


def box(size: int = 3) -> Array:
    """The mean of (size, size) pixels."""
    if not isinstance(size, int) or size < 1:
        raise InputError(f"box: size={size!r}; give an integer of at least 1")
    return np.full((size, size), 1 / size**2)


def sobel_x() -> Array:
    """The change from left to right, smoothed from top to bottom, for cross-correlation."""
    return np.outer([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0])


def sobel_y() -> Array:
    """The change from top to bottom, smoothed from left to right, for cross-correlation."""
    return sobel_x().T


def laplacian() -> Array:
    """The sum of the second differences in both directions."""
    return np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def sharpen() -> Array:
    """The image minus its Laplacian."""
    return np.array([[0.0, -1.0, 0.0], [-1.0, 5.0, -1.0], [0.0, -1.0, 0.0]])


def line(angle: int = 0) -> Array:
    """Thin lines at an angle of 0 (horizontal), 45, 90 or 135 degrees against the x axis, y pointing up.

    >>> line(90)
    array([[-1.,  2., -1.],
           [-1.,  2., -1.],
           [-1.,  2., -1.]])
    """
    bright = {0: [3, 4, 5], 45: [2, 4, 6], 90: [1, 4, 7], 135: [0, 4, 8]}
    if angle not in bright:
        raise InputError(f"line: angle={angle!r}; the angles are {', '.join(map(str, bright))}")
    found = np.full(9, -1.0)
    found[bright[angle]] = 2.0
    return found.reshape(3, 3)


KERNELS = {
    "Gaussian blur": lambda: gaussian(9, 2.0),
    "Sobel x": sobel_x,
    "Sobel y": sobel_y,
    "horizontal lines": lambda: line(0),
    "vertical lines": lambda: line(90),
    "diagonal lines": lambda: line(45),
    "Laplacian": laplacian,
    "sharpen": sharpen,
}
