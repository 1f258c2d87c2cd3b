"""Cases for the array rows: for each row some functions in plain NumPy with the shapes (or values) of their inputs."""

from __future__ import annotations

import numpy as np

import difflab.numpy as dnp
from difflab.graph.traced import apply
from difflab.primitives import lookup

MASK = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
INDEX = np.array([2, 0, 0, 1])
ZEROS = np.array([[1.5, 0.0, -2.0], [0.0, 0.0, 3.0], [0.5, 0.3, 0.2]])
TINY = np.array([2.0, 0.0, 3.0, -1.0, 0.0])
NANS = np.array([[1.0, np.nan, 2.5, -1.0], [0.3, 0.7, np.nan, np.nan], [2.0, -3.0, 0.1, 0.9]])
GRID = np.array([0.0, 0.3, 1.0, 1.1, 2.0])
S, M, C = (), (3, 4), (2, 3, 4)
IMAGES, FILTERS, SEQUENCES = (2, 2, 4, 5), (4, 2, 2, 3), (2, 4, 6)
WINDOWS = {"size": (2, 2), "stride": (1, 2), "padding": ((0, 1), (1, 0)), "dilation": (1, 1)}
STEPS = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 1), "groups": 1}
PLACES = np.array([[1, 2, 3], [1, 1, 2], [1, 0, 1]])


def row(name, **params):
    """The row itself, for those that only other rows' derivatives use."""
    return lambda *xs: apply(lookup(name), xs, params)


CASES = {
    "sum": [
        (np.sum, M),
        (np.sum, S),
        (lambda x: np.sum(x, axis=1, keepdims=True), M),
        (lambda x: x.sum((0, -1)), C),
        (lambda x: np.sum(x, axis=0, where=MASK), M),
        (lambda x: np.add.reduce(x), M),
        (np.sum, (0, 3)),
        (lambda x: np.sum(x, axis=1), (3, 0)),
        (lambda x: np.sum(x, axis=()), M),
    ],
    "mean": [
        (np.mean, M),
        (np.mean, S),
        (lambda x: x.mean(axis=-1), C),
        (lambda x: np.mean(x, (0, 2), keepdims=True), C),
    ],
    "prod": [
        (np.prod, M),
        (np.prod, ZEROS),
        (np.prod, TINY),
        (lambda x: np.prod(x, axis=0), ZEROS),
        (lambda x: np.prod(x, axis=(0, 2), keepdims=True), C),
        (lambda x: np.prod(x, axis=1), (3, 0)),
        (np.prod, S),
        (lambda x: np.multiply.reduce(x, axis=-1), M),
        (lambda x: np.prod(x, axis=1, where=MASK), M),
    ],
    "var": [
        (np.var, M),
        (lambda x: np.var(x, axis=0, ddof=1), M),
        (lambda x: np.var(x, 1, correction=1, keepdims=True), M),
    ],
    "std": [(np.std, M), (lambda x: np.std(x, axis=0, ddof=1), M), (lambda x: x.std(-1, keepdims=True), C)],
    "max": [
        (np.max, M),
        (lambda x: np.amax(x, axis=0), M),
        (lambda x: x.max(axis=(0, 2), keepdims=True), C),
        (lambda x: np.maximum.reduce(x), M),
        (np.max, S),
    ],
    "min": [(np.min, M), (lambda x: np.amin(x, 1), M), (lambda x: np.minimum.reduce(x, axis=1), M)],
    "ptp": [(np.ptp, M), (lambda x: np.ptp(x, axis=0), M)],
    "average": [
        (np.average, M),
        (lambda x, w: np.average(x, weights=w * w), M, M),
        (lambda x, w: np.average(x, axis=1, weights=w * w), M, (4,)),
        (lambda x: np.average(x, 0, np.array([1, 2, 3.0])), M),
        (lambda x, w: np.average(x, axis=(2, 0), weights=w * w), C, (4, 2)),
    ],
    "logsumexp": [
        (dnp.logsumexp, M),
        (lambda x: dnp.logsumexp(x, axis=1, keepdims=True), M),
        (lambda x: dnp.logsumexp(500 * x), M),
        (lambda x, b: dnp.logsumexp(x, axis=0, b=b * b), M, M),
        (lambda x: np.logaddexp.reduce(x, axis=1), M),
        (lambda x, b: dnp.logsumexp(x, b=b * b, axis=(0,)), M, (4,)),
    ],
    "softmax": [(dnp.softmax, M), (lambda x: dnp.softmax(x, axis=1), M), (lambda x: dnp.softmax(x, axis=(0, 2)), C)],
    "log_softmax": [(dnp.log_softmax, M), (lambda x: dnp.log_softmax(x, axis=-1), M)],
    "nansum": [(np.nansum, NANS), (lambda x: np.nansum(x, axis=1), NANS)],
    "nanprod": [(np.nanprod, NANS), (lambda x: np.nanprod(x, axis=0), NANS)],
    "nanmean": [(np.nanmean, NANS), (lambda x: np.nanmean(x, axis=1, keepdims=True), NANS)],
    "nanvar": [(np.nanvar, NANS), (lambda x: np.nanvar(x, axis=0, ddof=1), NANS[:, [0, 3]])],
    "nanstd": [(np.nanstd, NANS), (lambda x: np.nanstd(x, axis=1), NANS)],
    "nanmax": [(np.nanmax, NANS), (lambda x: np.nanmax(x, axis=1), NANS)],
    "nanmin": [(np.nanmin, NANS), (lambda x: np.nanmin(x, axis=0), NANS)],
    "nanmedian": [(np.nanmedian, NANS), (lambda x: np.nanmedian(x, axis=1), NANS)],
    "nanquantile": [(lambda x: np.nanquantile(x, 0.3, axis=0, keepdims=True), NANS)],
    "nanpercentile": [(lambda x: np.nanpercentile(x, 30), NANS)],
    "nancumsum": [(np.nancumsum, NANS), (lambda x: np.nancumsum(x, axis=1), NANS)],
    "nancumprod": [(lambda x: np.nancumprod(x, axis=1), NANS)],
    "sort": [(np.sort, M), (lambda x: np.sort(x, axis=0), M), (lambda x: np.sort(x, axis=None), M)],
    "partition": [(lambda x: np.sort(np.partition(x, 2, axis=1), axis=1), M), (lambda x: np.partition(x, 1)[1], (5,))],
    "unique": [(np.unique, (5,)), (lambda x: np.unique(np.repeat(x, 2)), (5,))],
    "median": [
        (np.median, M),
        (lambda x: np.median(x, axis=0), M),
        (lambda x: np.median(x, axis=(0, 1), keepdims=True), C),
    ],
    "quantile": [
        (lambda x: np.quantile(x, 0.3), M),
        (lambda x: np.quantile(x, [0.1, 0.5, 1.0], axis=1), M),
        (lambda x: np.quantile(x, [0.2, 0.9], axis=0, keepdims=True, method="lower"), M),
        (lambda x: np.quantile(x, 0.4, method="midpoint"), M),
        (lambda x: np.quantile(x, 0.4, method="nearest"), M),
        (lambda x: np.quantile(x, 0.4, method="higher"), M),
    ],
    "percentile": [(lambda x: np.percentile(x, 30), M), (lambda x: np.percentile(x, [10, 95], axis=1), M)],
    "cumsum": [
        (np.cumsum, M),
        (lambda x: np.cumsum(x, axis=0), M),
        (lambda x: x.cumsum(-1), C),
        (np.cumsum, S),
        (lambda x: np.add.accumulate(x), M),
        (lambda x: np.cumsum(x, axis=1), (2, 0)),
    ],
    "cumprod": [
        (np.cumprod, M),
        (np.cumprod, TINY),
        (lambda x: np.cumprod(x, axis=0), ZEROS),
        (lambda x: x.cumprod(1), M),
        (lambda x: np.multiply.accumulate(x), M),
    ],
    "maximum_accumulate": [(lambda x: np.maximum.accumulate(x), (6,)), (lambda x: np.maximum.accumulate(x, axis=1), M)],
    "minimum_accumulate": [(lambda x: np.minimum.accumulate(x), M)],
    "diff": [
        (np.diff, M),
        (lambda x: np.diff(x, n=2, axis=0), M),
        (lambda x: np.diff(x, prepend=0.0, append=x[:, :1]), M),
        (lambda x: np.diff(x, n=0), M),
    ],
    "ediff1d": [(np.ediff1d, M), (lambda x: np.ediff1d(x, to_begin=x[0, 0], to_end=[1.0, 2.0]), M)],
    "gradient": [
        (lambda x: np.gradient(x), (6,)),
        (lambda x: np.gradient(x)[0] * np.gradient(x)[1], M),
        (lambda x: np.gradient(x, 0.3, axis=1, edge_order=2), M),
        (lambda x: np.gradient(x, GRID, edge_order=2), (5,)),
        (lambda x: np.gradient(x, np.array([0.0, 0.5, 2.0]), 0.1, axis=(1, 2))[0], C),
        (lambda x, s: np.gradient(x, np.cumsum(s * s + 0.5)), (5,), (5,)),
        (lambda x: np.gradient(x, GRID, axis=0), (5, 2)),
        (lambda x, h: np.gradient(x, 2 + h), (5,), S),
    ],
    "trapezoid": [
        (np.trapezoid, M),
        (lambda x: np.trapezoid(x, dx=0.2, axis=0), M),
        (np.trapezoid, (4,), (4,)),
        (lambda x, t: np.trapezoid(x, t, axis=1), C, (3,)),
        (np.trapezoid, M, M),
    ],
    "convolve": [
        (lambda a, v, m=m: np.convolve(a, v, mode=m), p, q)
        for m in ("full", "same", "valid")
        for p, q in (((5,), (3,)), ((3,), (6,)), ((4,), (2,)), ((3,), (3,)))
    ],
    "correlate": [
        (lambda a, v, m=m: np.correlate(a, v, m), p, q)
        for m in ("full", "same", "valid")
        for p, q in (((5,), (3,)), ((3,), (6,)), ((4,), (2,)))
    ],
    "interp": [
        (lambda x: np.interp(x, GRID, GRID**2), np.array([0.1, 0.5, 1.05, 1.7, -1.0, 3.0])),
        (lambda f: np.interp(np.array([0.1, 0.5, 3.0, 2.0]), GRID, f), (5,)),
        (lambda x, p, f: np.interp(x, np.cumsum(p * p + 0.5), f), (3,), (4,), (4,)),
        (lambda x, e: np.interp(x, GRID, GRID**2, left=e, right=7.0), np.array([-1.0, 0.2, 3.0]), S),
    ],
    "polyval": [(np.polyval, (4,), (3,)), (lambda x: np.polyval([1.0, -2.0, 0.5], x), M)],
    "reshape": [
        (lambda x: np.reshape(x, (2, 6)), M),
        (lambda x: x.reshape(-1), M),
        (lambda x: x.reshape(4, -1, order="F"), M),
        (lambda x: x.reshape(()), (1, 1)),
        (lambda x: x.reshape(0, 5), (0, 3)),
    ],
    "ravel": [(np.ravel, M), (lambda x: x.ravel(order="F"), M), (lambda x: x.flatten(), M), (np.ravel, S)],
    "transpose": [
        (np.transpose, M),
        (lambda x: x.T, C),
        (lambda x: x.transpose(1, 2, 0), C),
        (lambda x: np.permute_dims(x, (2, 0, 1)), C),
        (np.transpose, S),
        (lambda x: np.transpose(x, (-1, 0, 1)), C),
    ],
    "moveaxis": [(lambda x: np.moveaxis(x, 0, -1), C), (lambda x: np.moveaxis(x, (0, 2), (1, 0)), C)],
    "rollaxis": [
        (lambda x: np.rollaxis(x, 2), C),
        (lambda x: np.rollaxis(x, 0, 3), C),
        (lambda x: np.rollaxis(x, 1, -1), C),
    ],
    "swapaxes": [(lambda x: np.swapaxes(x, 0, -1), C), (lambda x: x.swapaxes(1, 2), C), (lambda x: x.mT, C)],
    "matrix_transpose": [(np.matrix_transpose, C)],
    "expand_dims": [
        (lambda x: np.expand_dims(x, 1), M),
        (lambda x: np.expand_dims(x, (0, -1)), M),
        (lambda x: np.expand_dims(x, 0), S),
    ],
    "squeeze": [
        (np.squeeze, (1, 3, 1)),
        (lambda x: np.squeeze(x, axis=-1), (1, 3, 1)),
        (lambda x: x.squeeze(0), (1, 2)),
    ],
    "atleast_1d": [(np.atleast_1d, S), (np.atleast_1d, M)],
    "atleast_each": [(lambda x, y: np.multiply(*np.atleast_2d(x, y)), S, (3,))],
    "atleast_2d": [(np.atleast_2d, (3,)), (np.atleast_2d, S)],
    "atleast_3d": [(np.atleast_3d, (3,)), (np.atleast_3d, M), (np.atleast_3d, C)],
    "broadcast_to": [
        (lambda x: np.broadcast_to(x, (2, 3, 4)), M),
        (lambda x: np.broadcast_to(x, (3, 4)), (3, 1)),
        (lambda x: np.broadcast_to(x, 3), S),
    ],
    "broadcast_arrays": [(lambda x, y: np.broadcast_arrays(x, y)[0] * np.broadcast_arrays(x, y)[1], (3, 1), (4,))],
    "meshgrid": [
        (lambda x, y: np.multiply(*np.meshgrid(x, y)), (3,), (2,)),
        (lambda x, y: np.multiply(*np.meshgrid(x, y, indexing="ij", sparse=True)), (3,), (2,)),
        (lambda x, y: np.meshgrid(x, y, np.arange(2.0))[1], (3,), (2,)),
    ],
    "concatenate": [
        (lambda x, y: np.concatenate([x, y]), M, (2, 4)),
        (lambda x, y: np.concatenate((x, y, x), axis=-1), M, (3, 1)),
        (lambda x, y: np.concatenate([x, y], axis=None), M, (2,)),
        (lambda x: np.concatenate([x, np.ones((1, 4))]), M),
        (lambda x: np.concatenate(x), C),
    ],
    "stack": [
        (lambda x, y: np.stack([x, y]), M, M),
        (lambda x, y: np.stack((x, y, x), axis=-1), M, M),
        (lambda x: np.stack([x, 2.0, x * x]), S),
    ],
    "vstack": [(lambda x, y: np.vstack([x, y]), (4,), (2, 4)), (lambda x, y: np.vstack((x, y)), S, S)],
    "hstack": [
        (lambda x, y: np.hstack([x, y]), (4,), (2,)),
        (lambda x, y: np.hstack([x, y]), M, (3, 1)),
        (lambda x: np.hstack([x, 1.0]), S),
    ],
    "dstack": [(lambda x, y: np.dstack([x, y]), M, M), (lambda x: np.dstack([x, x]), (4,))],
    "column_stack": [(lambda x, y: np.column_stack([x, y]), (3,), (3, 2))],
    "append": [(lambda x, y: np.append(x, y), M, (2,)), (lambda x, y: np.append(x, y, axis=0), M, (1, 4))],
    "block": [(lambda x, y: np.block([[x, y], [y, x]]), (2, 2), (2, 2)), (lambda x, y: np.block([x, y]), (2,), (3,))],
    "split": [
        (lambda x: np.split(x, 2, axis=1)[1], M),
        (lambda x: np.multiply(*np.split(x, 2)), (6,)),
        (lambda x: np.split(x, [1, 3], axis=-1)[1], M),
    ],
    "array_split": [(lambda x: np.array_split(x, 3, axis=1)[0], M), (lambda x: np.array_split(x, 3)[2], (7,))],
    "hsplit": [(lambda x: np.hsplit(x, 2)[0], M), (lambda x: np.hsplit(x, [1])[1], (4,))],
    "vsplit": [(lambda x: np.vsplit(x, 3)[2], M)],
    "dsplit": [(lambda x: np.dsplit(x, 2)[1], C)],
    "unstack": [(lambda x: np.unstack(x)[1], M), (lambda x: np.unstack(x, axis=1)[2], M)],
    "tile": [
        (lambda x: np.tile(x, 2), M),
        (lambda x: np.tile(x, (2, 1, 3)), M),
        (lambda x: np.tile(x, (2, 2)), (3,)),
        (lambda x: np.tile(x, 3), S),
        (lambda x: np.tile(x, 0), (3,)),
    ],
    "repeat": [
        (lambda x: np.repeat(x, 2), M),
        (lambda x: np.repeat(x, [1, 0, 3], axis=0), M),
        (lambda x: x.repeat(2, axis=1), M),
        (lambda x: np.repeat(x, 3), S),
    ],
    "resize": [(lambda x: np.resize(x, (2, 3)), (4,)), (lambda x: np.resize(x, 5), M)],
    "pad": [
        *[
            (lambda x, m=m: np.pad(x, ((1, 2), (2, 0)), mode=m), M)
            for m in ("constant", "edge", "reflect", "symmetric", "wrap")
        ],
        *[(lambda x, m=m: np.pad(x, 5, m), (3,)) for m in ("edge", "reflect", "symmetric", "wrap")],
        (lambda x: np.pad(x, (1, 2)), (3,)),
        (lambda x: np.pad(x, ((1,), (2,)), constant_values=3.0), M),
        (lambda x: np.pad(x, 1, constant_values=((1, 2), (3, 4))), M),
        (lambda x, c: np.pad(x, 2, constant_values=c), M, S),
        (lambda x: np.pad(x, ((2, 1),)), M),
        (lambda x: np.pad(x, [(0, 0), (1, 1)]), M),
        (lambda x, c: np.pad(x, ((1, 2), (2, 1)), constant_values=c), M, (2, 2)),
        (lambda x, c: np.pad(x, ((1, 2), (2, 0)), constant_values=c), M, (2,)),
    ],
    "flip": [(np.flip, M), (lambda x: np.flip(x, 0), M), (lambda x: np.flip(x, (0, 2)), C), (np.flip, S)],
    "fliplr": [(np.fliplr, M)],
    "flipud": [(np.flipud, M)],
    "rot90": [(np.rot90, M), (lambda x: np.rot90(x, 3), M), (lambda x: np.rot90(x, -1, axes=(1, 2)), C)],
    "roll": [
        (lambda x: np.roll(x, 2), M),
        (lambda x: np.roll(x, -1, axis=0), M),
        (lambda x: np.roll(x, (1, 2), axis=(0, 1)), M),
        (lambda x: np.roll(x, 1, axis=(0, 1)), M),
        (lambda x: np.roll(x, (1, 2), axis=1), M),
    ],
    "triu": [(np.triu, M), (lambda x: np.triu(x, 1), C), (np.triu, (3,))],
    "tril": [(np.tril, M), (lambda x: np.tril(x, k=-1), C)],
    "getitem": [(lambda x: x[1], M), (lambda x: x[::-2, None, 1:], M), (lambda x: x[INDEX], M)],
    "scatter": [(lambda x: np.pad(x, 1), M)],
    "take": [
        (lambda x: np.take(x, INDEX), M),
        (lambda x: np.take(x, [[0, 1], [2, 2]], axis=1), M),
        (lambda x: x.take(1, axis=0), M),
        (lambda x: np.take(x, [5, -7], axis=0, mode="wrap"), M),
        (lambda x: np.take(x, [5, -7], axis=0, mode="clip"), M),
        (lambda x: np.take(x, np.argsort(x[0]), axis=1), M),
        (lambda x: np.take(x, []), M),
    ],
    "take_along_axis": [
        (lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1), M),
        (lambda x: np.take_along_axis(x, np.array([[0, 1, 1, 0]]), axis=0), M),
        (lambda x: np.take_along_axis(x, INDEX, axis=None), M),
    ],
    "compress": [
        (lambda x: np.compress([True, False, True], x, axis=0), M),
        (lambda x: np.compress([0, 1], x), M),
        (lambda x: x.compress([False, True], axis=1), M),
    ],
    "extract": [(lambda x: np.extract(MASK, x), M)],
    "delete": [
        (lambda x: np.delete(x, 1, axis=1), M),
        (lambda x: np.delete(x, [0, 5]), M),
        (lambda x: np.delete(x, slice(0, 2), axis=0), M),
    ],
    "insert": [
        (lambda x, y: np.insert(x, 1, y, axis=1), M, (3,)),
        (lambda x: np.insert(x, [3, 0, 1], [7.0, 8.0, 9.0]), M),
        (lambda x, y: np.insert(x, [0, 2], y, axis=0), M, (2, 4)),
        (lambda x, y: np.insert(x, 2, y), (4,), (3,)),
    ],
    "diagonal": [
        (np.diagonal, M),
        (lambda x: np.diagonal(x, 1, 0, 2), C),
        (lambda x: x.diagonal(-1), M),
        (lambda x: np.diagonal(x, 9), M),
    ],
    "trace": [(np.trace, M), (lambda x: np.trace(x, offset=1, axis1=2, axis2=0), C)],
    "diag": [(np.diag, (3,)), (lambda x: np.diag(x, -2), (3,)), (lambda x: np.diag(x, 1), M)],
    "diagflat": [(np.diagflat, (2, 2)), (lambda x: np.diagflat(x, 1), (3,))],
    "select": [
        (lambda x: np.select([x > 0.4, x > -0.7], [x**2, 2 * x], default=-x), M),
        (lambda x: np.select([x > 0], [x]), M),
    ],
    "piecewise": [
        (lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda t: -t * t, lambda t: t**3]), M),
        (lambda x: np.piecewise(x, [x < 0], [np.sin, 3.0]), M),
    ],
    "choose": [(lambda x: np.choose(np.array([0, 1, 1, 0]), [x, x**2]), (4,))],
    "bincount": [(lambda w: np.bincount([0, 2, 2, 1], weights=w, minlength=5), (4,))],
    "where": [(lambda x: np.where(MASK, x, 2 * x), M)],
    "linspace": [(lambda a, b: np.linspace(a, b, 5), S, S), (lambda a: np.linspace(a, 3.0, 4, endpoint=False), (3,))],
    "geomspace": [(lambda a: np.geomspace(a * a + 1, 30.0, 4), S)],
    "logspace": [(lambda a, b: np.logspace(a, b, 3), S, S)],
    "cov": [
        (np.cov, M),
        (lambda x, y: np.cov(x, y), (5,), (5,)),
        (np.cov, (6,)),
        (lambda x: np.cov(x, rowvar=False, ddof=0), M),
    ],
    "corrcoef": [(np.corrcoef, M), (lambda x, y: np.corrcoef(x, y)[0, 1], (5,), (5,))],
    "cumulative_sum": [(lambda x: np.cumulative_sum(x, axis=1), M)],
    "cumulative_prod": [(lambda x: np.cumulative_prod(x, axis=0), M)],
    "polyadd": [(np.polyadd, (3,), (5,))],
    "polysub": [(np.polysub, (3,), (2,))],
    "polymul": [(np.polymul, (3,), (2,))],
    "polyder": [(np.polyder, (4,)), (lambda p: np.polyder(p, 2), (4,))],
    "polyint": [(np.polyint, (3,)), (lambda p: np.polyint(p, 2), (3,))],
    "vander": [(np.vander, (3,)), (lambda x: np.vander(x, 4, increasing=True), (3,))],
    "unwrap": [(lambda x: np.unwrap(5 * x), (6,)), (lambda x: np.unwrap(5 * x, axis=0), M)],
    "real_if_close": [(np.real_if_close, M)],
    "astype": [(lambda x: np.astype(x, np.float64), M), (lambda x: x.astype(complex).real, M)],
    "linalg_diagonal": [(lambda x: np.linalg.diagonal(x, offset=1), C)],
    "linalg_trace": [(np.linalg.trace, C)],
    "linalg_matrix_transpose": [(np.linalg.matrix_transpose, C)],
    "angle": [(lambda x: np.angle(x + 1j * x**2), M), (lambda x: np.angle(x * (1 + 2j), deg=True), M)],
    "unique_values": [(np.unique_values, (5,))],
    "trim_zeros": [(lambda x: np.trim_zeros(np.concatenate([np.zeros(2), x, np.zeros(1)])), (3,))],
    "divmod": [(lambda x: np.divmod(x, 0.7)[1], M)],
    "modf": [(lambda x: np.modf(x + 0.02)[0], M)],
    "copy": [(lambda x: np.copy(x) * x, M)],
    "apply_along_axis": [
        (lambda x: np.apply_along_axis(lambda r: r**2 * r[0], 1, x), M),
        (lambda x: np.apply_along_axis(np.sum, 0, x), M),
    ],
    "apply_over_axes": [(lambda x: np.apply_over_axes(np.sum, x, [0, 2]), C)],
    "zeros_like": [(lambda x: np.zeros_like(x) + x, M)],
    "ones_like": [(lambda x: np.ones_like(x) * x, M)],
    "full_like": [(lambda x: np.full_like(x, 3.0) * x, M), (lambda x: np.full_like(x, x[0, 0]) * x, M)],
}

CASES |= {
    "conv": [
        (dnp.conv, IMAGES, FILTERS),
        (lambda x, w: dnp.conv(x, w, stride=(2, 1), padding=((1, 0), (0, 2))), IMAGES, FILTERS),
        (lambda x, w: dnp.conv(x, w, padding=2, dilation=(2, 1), groups=2), IMAGES, (4, 1, 2, 3)),
        (lambda x, w: dnp.conv(x, w, padding="same", groups=4), SEQUENCES, (4, 1, 2)),
    ],
    "conv_input_transpose": [
        (row("conv_input_transpose", shape=(4, 5), **STEPS), (2, 4, 2, 5), FILTERS),
        (row("conv_input_transpose", shape=(4, 5), **(STEPS | {"groups": 2})), (2, 4, 2, 5), (4, 1, 2, 3)),
    ],
    "conv_weight_transpose": [
        (row("conv_weight_transpose", size=(2, 3), **STEPS), IMAGES, (2, 4, 2, 5)),
        (row("conv_weight_transpose", size=(2, 3), **(STEPS | {"groups": 2})), IMAGES, (2, 4, 2, 5)),
    ],
    "max_pool": [
        (lambda x: dnp.max_pool(x, 2), (2, 2, 4, 6)),
        (lambda x: dnp.max_pool(x, (3, 2), stride=1, padding=1, dilation=(1, 2)), IMAGES),
        (lambda x: dnp.max_pool(x, (2,), stride=3, padding=((0, 1),)), M),
    ],
    "window_read": [(lambda x: row("window_read", **WINDOWS)(x, PLACES), (3, 5))],
    "window_write": [(lambda y: row("window_write", shape=(3, 5), **WINDOWS)(y, PLACES), (3, 3))],
    "avg_pool": [
        (lambda x: dnp.avg_pool(x, 2), (2, 2, 4, 6)),
        (lambda x: dnp.avg_pool(x, (3, 2), stride=(1, 2), padding=1, count_padding=False), IMAGES),
        (lambda x: dnp.avg_pool(x, (2,), padding=1, dilation=2), M),
    ],
    "avg_pool_transpose": [
        (row("avg_pool_transpose", shape=(3, 5), count_padding=False, **WINDOWS), (3, 3)),
    ],
}

# Rows whose result does not move with the operand: the value is compared, the gradient is zero.
CONSTANT = {
    "any": [
        (lambda x: np.any(x > 0, axis=0), M),
        (lambda x: (x > 0).any(), M),
        (lambda x: np.any(x > 9, 0, None, True), M),
    ],
    "all": [(lambda x: np.all(x > -9, axis=0), M), (lambda x: np.logical_and.reduce(x > 0), M)],
    "count_nonzero": [(lambda x: np.count_nonzero(x > 0), M), (lambda x: np.count_nonzero(x, axis=1), M)],
    "argmax": [(np.argmax, M), (lambda x: x.argmax(axis=1), M), (lambda x: np.argmax(x, axis=0, keepdims=True), M)],
    "argmin": [(np.argmin, M), (lambda x: x.argmin(0), M)],
    "nanargmax": [(np.nanargmax, M), (lambda x: np.nanargmax(x, axis=1), M)],
    "nanargmin": [(np.nanargmin, M), (lambda x: np.nanargmin(x, axis=0), M)],
    "argsort": [(np.argsort, M), (lambda x: np.argsort(x, axis=None), M)],
    "argpartition": [(lambda x: np.argpartition(x, 1), (5,)), (lambda x: np.argpartition(x, 1, axis=0), M)],
    "nonzero": [
        (lambda x: np.nonzero(x > 0)[1], M),
        (lambda x: (x > 0).nonzero()[0], M),
        (lambda x: np.where(x > 0)[0], M),
    ],
    "flatnonzero": [(lambda x: np.flatnonzero(x > 0), M)],
    "argwhere": [(lambda x: np.argwhere(x > 0), M)],
    "searchsorted": [(lambda x: np.searchsorted(GRID, x), M)],
    "digitize": [(lambda x: np.digitize(x, GRID), M)],
    "isclose": [(lambda x: np.isclose(x, x), M), (lambda x: np.isclose(x, np.round(x), atol=0.3), M)],
    "allclose": [(lambda x: np.allclose(x, x + 1), M)],
    "array_equal": [(lambda x: np.array_equal(x, x), M)],
    "array_equiv": [(lambda x: np.array_equiv(x, x), M)],
    "isin": [(lambda x: np.isin(x, [1.0]), M), (lambda x: np.isin(np.round(x), [1.0, 2.0, -1.0]), M)],
    "unique_places": [],
    "interval": [],
    "diag_indices_from": [(lambda x: np.diag_indices_from(x)[0], (3, 3))],
    "tril_indices_from": [(lambda x: np.tril_indices_from(x)[1], M)],
    "triu_indices_from": [(lambda x: np.triu_indices_from(x, 1)[1], M)],
    "isreal": [(np.isreal, M), (lambda x: np.isreal(x + 1j * np.maximum(x, 0.0)), M)],
    "iscomplex": [(np.iscomplex, M), (lambda x: np.iscomplex(x + 1j * np.maximum(x, 0.0)), M)],
    "lexsort": [(lambda x: np.lexsort((x[0], x[1])), M)],
    "empty_like": [(lambda x: np.empty_like(x).shape, M)],
    "shape": [(np.shape, M)],
    "ndim": [(np.ndim, M)],
    "size": [(np.size, M), (lambda x: np.size(x, 1), M)],
    "iscomplexobj": [(np.iscomplexobj, M)],
    "isrealobj": [(np.isrealobj, M)],
    "result_type": [(lambda x: np.result_type(x, np.float32), M)],
    "common_type": [(lambda x: np.common_type(x), M)],
    "can_cast": [(lambda x: np.can_cast(x, np.float32), M)],
    "may_share_memory": [(lambda x: np.may_share_memory(x, np.ones(2)), M)],
    "window_place": [(lambda x: row("window_place", **WINDOWS)(x), (3, 5))],
    "shares_memory": [(lambda x: np.shares_memory(x, np.ones(2)), M)],
}

# Rows whose real-valued operations NumPy does not have, or orders strangely, for complex operands.
REAL_ONLY = {
    "max_pool",
    "max",
    "min",
    "ptp",
    "sort",
    "partition",
    "unique",
    "unique_values",
    "angle",
    "median",
    "quantile",
    "percentile",
    "maximum_accumulate",
    "minimum_accumulate",
    "interp",
    "nanmax",
    "nanpercentile",
    "nanquantile",
    "nanmedian",
    "nanmin",
    "divmod",
    "modf",
    "unwrap",
}
