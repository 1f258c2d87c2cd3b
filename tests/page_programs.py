"""Programs on arrays whose pages compute in the browser: name, function, the arrays that it is given."""

from __future__ import annotations

import numpy as np

import difflab as dl

F = dl.nn.functional
RNG = np.random.default_rng(7)
M23, M34, M33, V3, V2, V4 = (RNG.normal(size=s) for s in ((2, 3), (3, 4), (3, 3), 3, 2, 4))
IMAGE, KERNEL, TWO = (RNG.normal(size=s) for s in ((1, 1, 6, 6), (2, 1, 3, 3), (2, 2, 5, 4)))
S = np.sum

PROGRAMS = {
    # elementwise, with broadcasting
    "relu at its kink": (lambda x: S(np.maximum(x, 0)), [np.array([0.0, 1.0])]),
    "polynomial": (lambda x: S(3 * x**2 - x + 1), [V3]),
    "broadcast row": (lambda a, b: S(np.sin(a) * b), [M23, V3]),
    "broadcast both": (lambda a, b: S(np.tanh(a[:, None] - b) ** 2), [V2, V3]),
    "number times array": (lambda c, x: S(c * np.exp(x) / (1 + c * c)), [np.float64(0.7), M23]),
    "array to array": (lambda x: x * x - 1, [M23]),
    "functions": (lambda x: S(np.log1p(np.exp(x)) + np.arctan2(x, 2.0) + F.gelu(x) + np.hypot(x, 1)), [M23]),
    "division by entries": (lambda a, b: S(a / (2 + b**2)), [M23, M23 + 1]),
    "a constant array": (lambda x: S(x * np.array([[1.0], [2.0]]) + np.arange(3.0)), [V3]),
    "power of a number": (lambda x, p: S((x**2 + 1) ** p), [V3, np.float64(1.5)]),
    "used twice": (lambda x: S(x * np.cos(x)) + x[0], [V3]),
    # choices
    "where": (lambda x: S(np.where(x > 0, x**2, -x)), [M23]),
    "where guards a logarithm": (lambda x: S(np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0)), [M23]),
    "a gate closes over NaN": (lambda x: S(np.where(x > 0, np.sqrt(x), 0.0)), [np.array([-1.0, 4.0, 0.0])]),
    "a gate in front of a sum": (lambda x: S(np.where(x > 0, 2 * np.log(x) + x, 0.0)), [np.array([-1.0, 4.0])]),
    "a gate in front of indexing": (lambda x: S(np.where(x > 0, 1 / x[::-1], 0.0)), [np.array([0.0, 4.0])]),
    "a gate behind places": (lambda x: S(np.where(x > 0, np.log(x)[::-1][::-1], 0.0)), [np.array([0.0, 4.0])]),
    "a gate behind a rule": (
        lambda x, c: S(np.where(c > 0, np.max(np.log(x)), 0.0)), [np.array([0.0, 0.0]), np.float64(-1.0)],
    ),
    "a gate behind pooling": (
        lambda x, c: S(np.where(c > 0, F.max_pool2d(np.log(x), 2), 0.0)), [np.zeros((1, 1, 2, 2)), np.float64(-1.0)],
    ),
    "maximum of two": (lambda a, b: S(np.maximum(a, b)), [M23, M23[::-1]]),
    "clip": (lambda x: S(np.clip(x, -0.5, 0.5) ** 2), [M23]),
    "comparison as a number": (lambda x: S((x > 0) * x), [M23]),
    "absolute": (lambda x: S(np.abs(x)), [np.array([-1.0, 0.0, 2.0])]),
    # products
    "matrix times vector": (lambda W, x: S(np.tanh(W @ x)), [M23, V3]),
    "vector times matrix": (lambda x, W: S((x @ W) ** 2), [V2, M23]),
    "matrix times matrix": (lambda A, B: S(np.sin(A @ B)), [M23, M34]),
    "stacks of matrices": (lambda A, B: S((A @ B) ** 2), [RNG.normal(size=(2, 2, 3)), M34]),
    "a product with itself": (lambda A: S(A @ A), [M33]),
    "dot": (lambda a, b: np.dot(a, b), [V3, V3 + 1]),
    "dot of matrices": (lambda a, b: S(np.dot(a, b) ** 2), [M23, M34]),
    "outer": (lambda a, b: S(np.outer(a, b) ** 3), [V2, V3]),
    "inner": (lambda a, b: S(np.inner(a, b) ** 2), [M23, M33]),
    "einsum": (lambda a, b: S(np.einsum("ij,jk->ki", a, b) ** 2), [M23, M34]),
    "einsum of three": (lambda a, b, c: S(np.einsum("i,ij,j->", a, b, c)), [V2, M23, V3]),
    "a diagonal by einsum": (lambda a: S(np.einsum("ii->i", a) ** 2), [M33]),
    "tensordot": (lambda a, b: S(np.tensordot(a, b, axes=1) ** 2), [M23, M34]),
    "kron": (lambda a, b: S(np.kron(a, b) ** 2), [V2, V3]),
    "cross": (lambda a, b: S(np.cross(a, b) ** 2), [V3, V3[::-1] + 1]),
    # reductions
    "sum along an axis": (lambda x: S(np.sum(x, axis=0) ** 2), [M23]),
    "sum keeping axes": (lambda x: S(x / np.sum(x**2, axis=1, keepdims=True)), [M23]),
    "mean": (lambda x: np.mean(x**2), [M23]),
    "mean along an axis": (lambda x: S(np.mean(x, axis=1) ** 2), [M23]),
    "variance": (lambda x: np.var(x), [M23]),
    "deviation": (lambda x: S(np.std(x, axis=1)), [M23]),
    "maximum": (lambda x: np.max(x), [M23]),
    "maximum along an axis": (lambda x: S(np.max(x, axis=0) * np.arange(3.0)), [M23]),
    "minimum with a tie": (lambda x: np.min(x) ** 2, [np.array([2.0, 1.0, 1.0])]),
    "product of entries": (lambda x: np.prod(x), [V4]),
    "product with a zero": (lambda x: np.prod(x, axis=1).sum(), [np.array([[1.0, 0.0, 3.0], [0.0, 0.0, 2.0]])]),
    "range": (lambda x: np.ptp(x), [M23]),
    "norm": (lambda x: np.linalg.norm(x), [V3]),
    "norm of a matrix": (lambda x: np.linalg.norm(x), [M23]),
    "norm 1": (lambda x: np.linalg.norm(x, 1), [V3]),
    "average": (lambda x: np.average(x, weights=np.array([1.0, 2.0, 3.0])), [V3]),
    "cumulative sum": (lambda x: S(np.cumsum(x) ** 2), [V4]),
    "cumulative product": (lambda x: S(np.cumprod(x)), [V4]),
    "trace": (lambda A: np.trace(A @ A), [M33]),
    "median": (lambda x: np.median(x), [V4]),
    "sort": (lambda x: S(np.sort(x) * np.arange(4.0)), [V4]),
    "sort with ties": (lambda x: S(np.sort(x) * np.arange(5.0)), [np.array([2.0, 1.0, 2.0, 1.0, 2.0])]),
    # shapes and places
    "an entry": (lambda x: x[1] * x[0], [V3]),
    "a slice": (lambda x: S(x[1:] * x[:-1]), [V4]),
    "every other": (lambda x: S(x[:, ::-2] ** 2), [M34]),
    "places by a list": (lambda x: S(x[[0, 2, 2]] ** 2), [V3]),
    "rows by a list": (lambda x: S(x[[1, 0, 1]] * np.arange(9.0).reshape(3, 3)), [M23]),
    "a mask": (lambda x: S(x[np.array([True, False, True])] ** 2), [V3]),
    "reshape": (lambda x: S(np.reshape(x, (3, 2)) @ x), [M23]),
    "transpose": (lambda x: S(x.T @ np.array([1.0, 2.0])), [M23]),
    "ravel": (lambda x: S(np.ravel(x) ** 2), [M23]),
    "flip and roll": (lambda x: S(np.flip(x) * np.roll(x, 1)), [V4]),
    "concatenate": (lambda a, b: S(np.concatenate([a, b, np.ones(1)]) ** 2), [V2, V3]),
    "stack": (lambda a, b: S(np.stack([a, b]) @ b), [V3, V3 + 1]),
    "vstack": (lambda a, b: S(np.vstack([a, b]) ** 2), [M23, V3]),
    "numbers into an array": (lambda a, b: S(np.stack([a, b, a * b]) ** 2), [np.float64(2.0), np.float64(-1.5)]),
    "triangle": (lambda x: S(np.tril(x) ** 2), [M33]),
    "diagonal": (lambda x: S(np.diag(x) ** 2), [M33]),
    "to a diagonal": (lambda x: S(np.diag(x) @ x), [V3]),
    "pad": (lambda x: S(np.pad(x, 1) ** 2), [M23]),
    "tile and repeat": (lambda x: S(np.tile(x, 2) * np.repeat(x, 2)), [V3]),
    "differences": (lambda x: S(np.diff(x) ** 2), [V4]),
    "take": (lambda x: S(np.take(x, [2, 0], axis=1) ** 2), [M23]),
    "broadcast": (lambda x: S(np.broadcast_to(x, (2, 3)) * np.arange(6.0).reshape(2, 3)), [V3]),
    # networks
    "softmax": (lambda x: S(F.softmax(x) * np.arange(3.0)), [V3]),
    "softmax of rows": (lambda x: S(F.softmax(x, dim=1) ** 2), [M23]),
    "softmax of large numbers": (lambda x: S(F.softmax(x) * np.arange(3.0)), [np.array([1000.0, 1001.0, -1000.0])]),
    "log softmax": (lambda x: S(F.log_softmax(x) * np.arange(3.0)), [V3 * 300]),
    "logsumexp": (lambda x: dl.numpy.logsumexp(x), [V3]),
    "logsumexp of large numbers": (lambda x: S(dl.numpy.logsumexp(x, axis=1) ** 2), [M23 * 500]),
    "softmax by hand": (lambda x: -np.log(np.exp(x[0]) / S(np.exp(x))), [V3]),
    "cross entropy": (lambda z: F.cross_entropy(z, np.array([2, 0])), [M23]),
    "two layers": (
        lambda W, b, V, x: S((V @ F.relu(W @ x + b)) ** 2), [RNG.normal(size=(4, 3)), V4, RNG.normal(size=(2, 4)), V3],
    ),
    "layer norm by hand": (lambda x: S(((x - np.mean(x)) / np.sqrt(np.var(x) + 1e-5)) ** 3), [V4]),
    "convolution": (lambda x, k: S(np.tanh(F.conv2d(x, k))), [IMAGE, KERNEL]),
    "convolution with padding and stride": (
        lambda x, k: S(F.conv2d(x, k, padding=1, stride=2) ** 2), [IMAGE, KERNEL],
    ),
    "convolution with a filter that stays": (lambda x: S(F.conv2d(x, KERNEL) ** 2), [IMAGE]),
    "convolution of sequences": (lambda a, b: S(np.convolve(a, b) ** 2), [V4, V2]),
    "max pooling": (lambda x: S(F.max_pool2d(x, 2) ** 2), [TWO[:, :, :4]]),
    "max pooling that overlaps": (lambda x: S(F.max_pool2d(x, 3, 1, padding=1) ** 2), [TWO]),
    "max pooling with ties": (lambda x: S(F.max_pool2d(x, 2) ** 2), [np.ones((1, 1, 4, 4))]),
    "mean pooling": (lambda x: S(F.avg_pool2d(x, 2) ** 3), [IMAGE]),
    "a small image through a network": (
        lambda x, k, W: F.cross_entropy(
            np.reshape(F.max_pool2d(F.relu(F.conv2d(x, k)), 2), (1, -1)) @ W, np.array([1])
        ),
        [IMAGE, KERNEL, RNG.normal(size=(8, 3))],
    ),
    "attention": (lambda q, k, v: S((F.softmax(q @ k.T, dim=1) @ v) ** 2), [M23, M33, M33.T]),
    # matrices
    "solve": (lambda A, b: S(np.linalg.solve(A, b) ** 2), [M33 + 3 * np.eye(3), V3]),
    "solve for columns": (lambda A, B: S(np.linalg.solve(A, B) * B), [M33 + 3 * np.eye(3), M23.T]),
    "inverse": (lambda A: S(np.linalg.inv(A) ** 2), [M33[::-1] + np.diag([0.0, 2.0, 3.0])]),
    "determinant": (lambda A: np.linalg.det(A) ** 2, [M33]),
    "a quadratic form": (lambda A, x: x @ A @ x, [M33, V3]),
    # numbers that are none
    "a logarithm of zero": (lambda x: S(np.log(x)), [np.array([0.0, 1.0])]),
    "a root below zero": (lambda x: S(np.sqrt(x)), [np.array([-1.0, 4.0])]),
    "infinity": (lambda x: S(x * 2), [np.array([np.inf, 1.0])]),
}  # fmt: skip
