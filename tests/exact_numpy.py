"""What programs of `random_programs` mean, with real numbers of 90 digits instead of floats, and nothing of difflab.

Arrays are NumPy's arrays of mpmath's numbers, so that NumPy's own shaping, indexing and arithmetic run on them; here
stand the functions that such arrays lack. Derivatives are differences over a distance of 1e-25, right to 40 digits.
"""

from __future__ import annotations

import numpy as np
import optree
from mpmath import mp, mpf

DIGITS, STEP = 90, mpf(10) ** -25


def each(f, count=1):
    """A function of numbers, for arrays of them; NumPy's keywords are refused by having none."""
    return np.frompyfunc(f, count, 1)


def array(x):
    """Floats as the real numbers that they are."""
    found = np.empty(np.shape(x), object)
    for index in np.ndindex(found.shape):
        found[index] = mpf(float(np.asarray(x)[index]))
    return found if found.ndim else found[()]


def largest(x, axis=None):
    return np.max(np.asarray(x, object), axis=axis, keepdims=True)


def logsumexp(x, axis=None, keepdims=False):
    return NUMPY.log(np.sum(NUMPY.exp(x), axis=axis, keepdims=keepdims))


def softmax(x, axis=None):
    e = NUMPY.exp(x)
    return e / np.sum(e, axis=axis, keepdims=True)


def solve(a, b):
    """Gauss-Jordan elimination with pivots, for one matrix."""
    a, b = np.array(a, object), np.array(b, object)
    n, columns = len(a), b.reshape(len(b), -1)
    both = np.concatenate([a, columns], axis=1) * mpf(1)
    for k in range(n):
        p = k + int(np.argmax(np.abs(both[k:, k])))
        both[[k, p]] = both[[p, k]]
        both[k] = both[k] / both[k, k]
        for i in range(n):
            if i != k:
                both[i] = both[i] - both[i, k] * both[k]
    return both[:, n:].reshape(b.shape)


def det(a):
    """Laplace's expansion."""
    if len(a) == 0:
        return mpf(1)
    rest = lambda j: np.delete(a[1:], j, axis=1)
    return sum((-1) ** j * a[0, j] * det(rest(j)) for j in range(len(a)))


def stacked(f):
    """A function of matrices, for stacks of them."""

    def over(a, *rest):
        if np.ndim(a) == 2 and all(np.ndim(b) <= 2 for b in rest):
            return f(a, *rest)
        lead = np.broadcast_shapes(*[np.shape(x)[:-2] for x in (a, *rest)])
        whole = [np.broadcast_to(x, (*lead, *np.shape(x)[-2:])) for x in (a, *rest)]
        return np.stack([over(*[x[k] for x in whole]) for k in range(lead[0])])

    return over


class Names:
    """NumPy with some names of its own."""

    def __init__(self, module, **own):
        self.module = module
        self.__dict__.update(own)

    def __getattr__(self, name):
        if self.module is None:
            raise AttributeError(f"exact_numpy has no {name}")
        return getattr(self.module, name)


LINALG = Names(
    None,
    solve=stacked(solve),
    det=stacked(det),
    inv=stacked(lambda a: solve(a, np.eye(len(a)).astype(int))),
    norm=lambda x: mp.sqrt(np.sum(np.asarray(x) ** 2)),
)
FUNCTIONS = {
    name: each(getattr(mp, theirs))
    for name, theirs in {
        **{n: n for n in "sin cos tanh exp sinh expm1 log1p sqrt log floor sign".split()},
        "arctan": "atan",
        "arcsinh": "asinh",
        "arcsin": "asin",
    }.items()
}


class Float32:
    """A number rounded once; as a dtype it is any object's, which leaves the numbers as they are."""

    def __new__(cls, x):
        return mpf(float(np.float32(x)))


class Float64:
    def __new__(cls, x):
        return mpf(float(x))


class Logaddexp:
    def __call__(self, a, b):
        return NUMPY.log(NUMPY.exp(a) + NUMPY.exp(b))

    def reduce(self, x):
        return logsumexp(x, axis=0)


NUMPY = Names(
    np,
    **FUNCTIONS,
    linalg=LINALG,
    logaddexp=Logaddexp(),
    arctan2=each(mp.atan2, 2),
    hypot=each(mp.hypot, 2),
    reciprocal=lambda x: 1 / x,
    std=lambda x, axis=None: NUMPY.sqrt(np.var(x, axis=axis)),
    prod=lambda x, axis=None, keepdims=False: np.prod(np.asarray(x, object), axis=axis, keepdims=keepdims),
    float32=Float32,
    float64=Float64,
)
DIFFLAB_NUMPY = Names(
    None,
    sigmoid=each(lambda x: 1 / (1 + mp.exp(-x))),
    softplus=each(lambda x: mp.log1p(mp.exp(x))),
    relu=each(lambda x: max(x, mpf(0))),
    logsumexp=logsumexp,
    softmax=softmax,
)
SPECIAL = Names(
    None, erf=each(mp.erf), gammaln=each(mp.loggamma), xlogy=each(lambda x, y: x * mp.log(y) if x else mpf(0), 2)
)


# difflab's own functions that programs call: what they mean, said in a line or two.
def vmap(f, in_axes=(0, 0), out_axes=0):
    def batched(*args):
        count = next(len(x) for x, axis in zip(args, in_axes) if axis == 0)
        rows = [f(*[x if axis is None else x[i] for x, axis in zip(args, in_axes)]) for i in range(count)]
        return np.stack(rows, axis=out_axes)

    return batched


def scan(f, carry, xs, reverse=False):
    found = []
    for x in xs[::-1] if reverse else xs:
        carry, y = f(carry, x)
        found.append(y)
    return carry, np.stack(found[::-1] if reverse else found)


def while_loop(test, body, x):
    while test(x):
        x = body(x)
    return x


def moved(x, index, by):
    if not isinstance(x, np.ndarray):
        return x + by
    y = x.copy()
    y[index] = y[index] + by
    return y


def grad(f):
    def gradient(x):
        found = np.empty(np.shape(x), object)
        for index in np.ndindex(found.shape):
            found[index] = (f(moved(x, index, STEP)) - f(moved(x, index, -STEP))) / (2 * STEP)
        return found if found.ndim else found[()]

    return gradient


def jvp(f, xs, ts):
    up, down = (f(*[x + side * STEP * t for x, t in zip(xs, ts)]) for side in (1, -1))
    return f(*xs), (up - down) / (2 * STEP)


def vjp(f, *xs):
    def pullback(ct):
        along = lambda k: lambda x: np.sum(ct * f(*[x if j == k else v for j, v in enumerate(xs)]))
        return [grad(along(k))(x) for k, x in enumerate(xs)]

    return f(*xs), pullback


DIFFLAB = Names(
    None,
    checkpoint=lambda f: f,
    vmap=vmap,
    scan=scan,
    cond=lambda test, f, g, *xs: f(*xs) if test else g(*xs),
    while_loop=while_loop,
    grad=grad,
    jvp=jvp,
    vjp=vjp,
)
NAMES = {"np": NUMPY, "dnp": DIFFLAB_NUMPY, "sp": SPECIAL, "dl": DIFFLAB}


class KinkError(Exception):
    """The function has no derivative at the point."""


def gradient(f, leaves, arguments):
    """The value of a scalar f and its gradient by each of the leaves. `arguments` makes f's arguments of leaves."""
    with mp.workdps(DIGITS):
        xs = [array(x) for x in leaves]
        at = lambda k, x: f(*arguments([x if j == k else v for j, v in enumerate(xs)]))
        value, found = f(*arguments(xs)), []
        for k, x in enumerate(xs):
            slopes = np.empty(np.shape(x), object)
            for index in np.ndindex(slopes.shape):
                up, down = at(k, moved(x, index, STEP)) - value, value - at(k, moved(x, index, -STEP))
                if abs(up - down) > abs(STEP) * mpf(10) ** -12:
                    raise KinkError
                slopes[index] = (up + down) / (2 * STEP)
            found.append(slopes[()])
        return value, found


def slopes(f, xs, arguments):
    """The gradient of a scalar f by each of the leaves, which are real numbers already, by differences."""
    at = lambda k: lambda x: f(*arguments([x if j == k else v for j, v in enumerate(xs)]))
    return [grad(at(k))(x) for k, x in enumerate(xs)]


def along(f, leaves, direction, arguments):
    """The derivative along a direction of what a function of the leaves returns (a list of arrays)."""
    with mp.workdps(DIGITS):
        xs, ts = [array(x) for x in leaves], [array(t) for t in direction]
        up, down = (
            optree.tree_leaves(f(*arguments([x + side * STEP * t for x, t in zip(xs, ts)]))) for side in (1, -1)
        )
        return [(a - b) / (2 * STEP) for a, b in zip(up, down)]
