"""Derivatives of the sine, and of its Taylor series whose length the values decide; of tanh, elementwise."""

import autograd.numpy as np
from autograd import elementwise_grad, grad

points = np.linspace(-6, 6, 13)


def taylor(x):
    term = total = x
    for i in range(1000):
        term = -term * x**2 / ((2 * i + 3) * (2 * i + 2))
        total = total + term
        if np.abs(term) < 0.2:
            break
    return total


def tanh(x):
    y = np.exp(-2.0 * x)
    return (1.0 - y) / (1.0 + y)


found = []
for f in (np.sin, taylor):
    for derivative in (f, grad(f), grad(grad(f))):
        found += list(map(derivative, points))
derivative = tanh
for _ in range(5):
    derivative = elementwise_grad(derivative)
    found += list(derivative(points))
