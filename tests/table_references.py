"""Independent values of the rows that NumPy has no function for: plain loops over elements, NumPy and SciPy alone.

Each takes the row's operands and parameters. While a reference value is computed, no row of difflab's runs
(`independent`), so that a wrong row cannot confirm itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from itertools import product

import numpy as np
import scipy.linalg
import scipy.special

from difflab.primitives import TABLE
from difflab.primitives.kernels.structure import Slot


class NotIndependentError(AssertionError):
    """A reference value was about to be computed by the row that it judges."""


# Sliding windows, one element at a time.
def starts(length, size, stride, padding, dilation):
    return range(0, length + sum(padding) - (size - 1) * dilation, stride)


def windows(shape, size, stride, padding, dilation):
    """For each window its place in the result, and its elements: their place in the window and in the array.

    An element in the padding is None.
    """
    grid = [list(starts(*g)) for g in zip(shape, size, stride, padding, dilation)]
    for out in product(*[range(len(g)) for g in grid]):
        found = {}
        for inner in product(*map(range, size)):
            at = [g[o] + k * d - p[0] for g, o, k, d, p in zip(grid, out, inner, dilation, padding)]
            found[inner] = tuple(at) if all(0 <= i < n for i, n in zip(at, shape)) else None
        yield out, found


def spatial(shape, size, stride, padding, dilation):
    return tuple(len(starts(*g)) for g in zip(shape, size, stride, padding, dilation))


def kind(*xs):
    """The dtype of a result: the operands', at least single precision."""
    return np.result_type(*[np.asarray(x) for x in xs])


def conv(x, w, *, stride, padding, dilation, groups):
    size, shape = w.shape[2:], x.shape[2:]
    y = np.zeros((x.shape[0], w.shape[0], *spatial(shape, size, stride, padding, dilation)), kind(x, w))
    for n, o, c, out, inner, at, k in connections(x.shape, w.shape, stride, padding, dilation, groups):
        y[n, o, *out] += x[n, c, *at] * w[o, k, *inner]
    return y


def conv_input_transpose(y, w, *, shape, stride, padding, dilation, groups):
    x = np.zeros((y.shape[0], w.shape[1] * groups, *shape), kind(y, w))
    for n, o, c, out, inner, at, k in connections(x.shape, w.shape, stride, padding, dilation, groups):
        x[n, c, *at] += y[n, o, *out] * w[o, k, *inner]
    return x


def conv_weight_transpose(x, y, *, size, stride, padding, dilation, groups):
    w = np.zeros((y.shape[1], x.shape[1] // groups, *size), kind(x, y))
    for n, o, c, out, inner, at, k in connections(x.shape, w.shape, stride, padding, dilation, groups):
        w[o, k, *inner] += x[n, c, *at] * y[n, o, *out]
    return w


def connections(x, w, stride, padding, dilation, groups):
    """Which element of x meets which of the filters in which of the result; x and w are shapes."""
    return connected(x[1:], w, stride, padding, dilation, groups, x[0])


@cache
def connected(x, w, stride, padding, dilation, groups, batch):
    """The indices of all products at once, as arrays: sample, filter, channel, place of each, channel of the group."""
    found = []
    each = w[0] // groups
    for out, inside in windows(x[1:], w[2:], stride, padding, dilation):
        for inner, at in inside.items():
            if at is not None:
                found += [(n, o, o // each * w[1] + k, out, inner, at, k)
                          for n in range(batch) for o in range(w[0]) for k in range(w[1])]  # fmt: skip
    return found


def leading(x, n):
    return product(*map(range, x.shape[: x.ndim - n]))


def pooled(x, size, reduce, dtype=None, **grid):
    """`reduce(values, places)` of each window over the last axes of x."""
    n = len(size)
    shape = x.shape[x.ndim - n :]
    y = np.zeros(x.shape[: x.ndim - n] + spatial(shape, size, **grid), dtype or x.dtype)
    for lead in leading(x, n):
        for out, inside in windows(shape, size, **grid):
            y[(*lead, *out)] = reduce(
                {inner: x[(*lead, *at)] for inner, at in inside.items() if at is not None}, inside
            )
    return y


def max_pool(x, *, size, **grid):
    return pooled(x, size, lambda values, _: max(values.values()), **grid)


def window_place(x, *, size, **grid):
    """The place counted in the raveled window."""
    largest = lambda values, _: np.ravel_multi_index(max(values, key=values.get), size)
    return pooled(x, size, largest, dtype=np.uint8, **grid)


def window_read(x, place, *, size, **grid):
    n = len(size)
    y = np.zeros(place.shape, x.dtype)
    for lead in leading(x, n):
        for out, inside in windows(x.shape[x.ndim - n :], size, **grid):
            at = inside[tuple(map(int, np.unravel_index(place[(*lead, *out)], size)))]
            y[(*lead, *out)] = x[(*lead, *at)]
    return y


def window_write(y, place, *, shape, size, **grid):
    n = len(size)
    x = np.zeros((*y.shape[: y.ndim - n], *shape), y.dtype)
    for lead in leading(y, n):
        for out, inside in windows(shape, size, **grid):
            at = inside[tuple(map(int, np.unravel_index(place[(*lead, *out)], size)))]
            x[(*lead, *at)] += y[(*lead, *out)]
    return x


def share(inside, count_padding, divisor):
    return divisor or (len(inside) if count_padding else sum(at is not None for at in inside.values()))


def avg_pool(x, *, size, count_padding, divisor=None, **grid):
    mean = lambda values, inside: sum(values.values()) / share(inside, count_padding, divisor)
    return pooled(x, size, mean, **grid)


def avg_pool_transpose(y, *, shape, size, count_padding, divisor=None, **grid):
    n = len(size)
    x = np.zeros((*y.shape[: y.ndim - n], *shape), y.dtype)
    for lead in leading(y, n):
        for out, inside in windows(shape, size, **grid):
            for at in inside.values():
                if at is not None:
                    x[(*lead, *at)] += y[(*lead, *out)] / share(inside, count_padding, divisor)
    return x


def conv_max_pool(x, w, *, pool, **steps):
    y, grid = conv(x, w, **steps), tiled(pool)
    return max_pool(y, **grid), window_place(y, **grid)


def tiled(pool):
    return {"size": pool, "stride": pool, "padding": ((0, 0),) * len(pool), "dilation": (1,) * len(pool)}


def convolved(shape, size, *, stride, padding, dilation, **_):
    return spatial(shape, size, stride, padding, dilation)


def pooled_weight_transpose(x, y, place, *, size, pool, **steps):
    wide = window_write(y, place, shape=convolved(x.shape[2:], size, **steps), **tiled(pool))
    return conv_weight_transpose(x, wide, size=size, **steps)


def pooled_input_transpose(y, place, w, *, shape, pool, **steps):
    wide = window_write(y, place, shape=convolved(shape, w.shape[2:], **steps), **tiled(pool))
    return conv_input_transpose(wide, w, shape=shape, **steps)


# Networks.
def label_loss(z, labels, *, axis, ignore_index):
    z = np.moveaxis(z, axis, -1)
    y = np.zeros(labels.shape, z.dtype)
    for at in np.ndindex(labels.shape):
        if labels[at] != ignore_index:
            y[at] = np.log(np.sum(np.exp(z[at] - z[at].max()))) + z[at].max() - z[at][labels[at]]
    return y


def label_loss_slope(ct, z, labels, *, axis, ignore_index):
    z = np.moveaxis(z, axis, -1)
    out = np.zeros(z.shape, kind(ct, z))
    for at in np.ndindex(labels.shape):
        if labels[at] != ignore_index:
            p = np.exp(z[at] - z[at].max())
            out[at] = ct[at] * (p / np.sum(p) - (np.arange(len(p)) == labels[at]))
    return np.moveaxis(out, -1, axis)


def standardised_slope(ct, y, var, *, axes, eps):
    n = np.prod([y.shape[k] for k in axes])
    total = lambda v: np.sum(v, axis=axes, keepdims=True) / n
    return ((ct - total(ct) - y * total(ct * y)) / (var + eps) ** 0.5).astype(kind(ct, y))


def cofactor(a):
    """Signed minors, transposed as the derivative of the determinant has them."""
    out = np.empty(a.shape, a.dtype)
    for *lead, i, j in np.ndindex(a.shape):
        minor = np.delete(np.delete(a[tuple(lead)], i, 0), j, 1)
        out[(*lead, i, j)] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


def sum_to(x, *, shape):
    lead = x.ndim - len(shape)
    x = np.sum(x, axis=tuple(range(lead)))
    return np.sum(x, axis=tuple(k for k, n in enumerate(shape) if n == 1 and x.shape[k] != 1), keepdims=True)


def scatter(x, *, index, shape):
    out = np.zeros(shape, x.dtype)
    np.add.at(out, index, x)
    return out


def solve_triangular(a, b, *, lower, transposed, unit_diagonal):
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        a = a - a * np.eye(a.shape[-1]) + np.eye(a.shape[-1])
    a = np.swapaxes(a, -1, -2) if transposed else a
    return np.linalg.solve(a, b[..., None])[..., 0] if b.ndim == 1 else np.linalg.solve(a, b)


def logsumexp(x, *weights, axis, keepdims, **_):
    return scipy.special.logsumexp(x, axis, b=weights[0] if weights else None, keepdims=keepdims)


def interval(points, x):
    """The last point that is not above x; outside of all, the outermost interval."""
    return np.vectorize(lambda v: min(max(sum(p <= v for p in points) - 1, 0), len(points) - 2))(x)


def unique_places(x):
    x = list(np.ravel(x))
    return np.array([x.index(v) for v in sorted(set(x))])


def last_writers(places, *, size):
    places = np.asarray(places).astype(int)
    order = [list(range(size)) for _ in np.ndindex(places.shape[:-1])]
    for row, written in zip(order, places.reshape(-1, places.shape[-1]).tolist()):
        for k, place in enumerate(written):
            row[place] = size + k
    return np.array(order).reshape(*places.shape[:-1], size)


def updated(how):
    """One element after the other."""

    def update(x, values, *arrays, index):
        index = tuple(arrays[e] if type(e) is Slot else e for e in index) if isinstance(index, tuple) else index
        index = arrays[index] if type(index) is Slot else index
        places = np.arange(x.size).reshape(x.shape)[index]
        out = list(np.ravel(x))
        for place, value in zip(np.ravel(places), np.ravel(np.broadcast_to(values, np.shape(places)))):
            out[place] = how(out[place], value)
        return np.array(out, x.dtype).reshape(x.shape)

    return update


def random_uniform(key, *, shape, dtype):
    """Philox4x64 with the key's two words, counted from 0, and 53 bits of each number."""
    words = np.random.Philox(key=np.asarray(key).astype(np.int64).view(np.uint64)).random_raw(int(np.prod(shape)))
    return ((words >> np.uint64(11)) * 2.0**-53).reshape(shape).astype(dtype)


def in_dtype(function):
    """SciPy's result in the operand's dtype."""
    return lambda x, **params: np.asarray(function(x, **params), kind(x))


REFERENCES = {
    "conv": conv,
    "conv_input_transpose": conv_input_transpose,
    "conv_weight_transpose": conv_weight_transpose,
    "max_pool": max_pool,
    "window_place": window_place,
    "window_read": window_read,
    "window_write": window_write,
    "avg_pool": avg_pool,
    "avg_pool_transpose": avg_pool_transpose,
    "conv_max_pool": conv_max_pool,
    "pooled_weight_transpose": pooled_weight_transpose,
    "pooled_input_transpose": pooled_input_transpose,
    "label_loss": label_loss,
    "label_loss_slope": label_loss_slope,
    "class_labels": lambda labels, *, what, count, ignore_index: labels * (labels != ignore_index),
    "without_ignored": lambda x, labels, *, ignore_index: x * (labels != ignore_index),
    "moments": lambda x, *, axes: (np.mean(x, axes, keepdims=True), np.var(x, axes, keepdims=True)),
    "standardised": lambda x, mean, var, *, axes, eps: (x - mean) / np.sqrt(var + eps),
    "standardised_slope": standardised_slope,
    "cofactor": cofactor,
    "sum_to": sum_to,
    "scatter": scatter,
    "pick": lambda x, *, index: x[index],
    "interval": interval,
    "unique_places": unique_places,
    "last_writers": last_writers,
    "set_at": updated(lambda old, new: new),
    "add_at": updated(lambda old, new: old + new),
    "random_uniform": random_uniform,
    "multigammaln": lambda a, *, d: scipy.special.multigammaln(a, d),
    "logsumexp": logsumexp,
    "softmax": in_dtype(scipy.special.softmax),
    "log_softmax": in_dtype(scipy.special.log_softmax),
    "expm": in_dtype(scipy.linalg.expm),
    "solve_triangular": solve_triangular,
}


@contextmanager
def independent():
    """While it lasts, the rows of the table above are computed as it says, and no other row at all."""
    rows = [row.__dict__ for row in TABLE.values()]
    before = [row.get("evaluate") for row in rows]
    for row in rows:
        row["evaluate"] = REFERENCES.get(row["name"]) or refusal(row["name"])
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        for row, function in zip(rows, before):
            if function is None:
                del row["evaluate"]
            else:
                row["evaluate"] = function


@cache
def refusal(name):
    def refuse(*operands, **params):
        raise NotIndependentError(f"{name}: its reference value would be computed by itself; see table_references.py")

    return refuse
