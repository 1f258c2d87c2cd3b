"""PyTorch's names and how NumPy says the same: what an error names when somebody types one on a traced value.

The pairs are one table: the errors, the list in docs/coming-from/pytorch.md and the tests, which run both sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import InputError

# What is typed in PyTorch, and in NumPy; x and y are matrices, i are whole numbers (the places of a gather).
SPELLINGS = (
    ("x.clone()", "x.copy()"),
    ("x.contiguous()", "x"),
    ("x.cpu()", "x"),
    ("x.to(torch.float32)", "x.astype(np.float32)"),
    ("x.float()", "x.astype(np.float32)"),
    ("x.double()", "x.astype(np.float64)"),
    ("x.long()", "x.astype(np.int64)"),
    ("x.dim()", "x.ndim"),
    ("x.numel()", "x.size"),
    ("x.view(1, 3, -1)", "x.reshape(1, 3, -1)"),
    ("x.view_as(y)", "x.reshape(y.shape)"),
    ("x.unsqueeze(0)", "x[None]"),
    ("x.unsqueeze(-1)", "x[..., None]"),
    ("x.permute(1, 0)", "x.transpose(1, 0)"),
    ("x.t()", "x.T"),
    ("x.expand(2, -1, -1)", "np.broadcast_to(x, (2, *x.shape))"),
    ("x.expand_as(y)", "np.broadcast_to(x, y.shape)"),
    ("x.unbind(0)", "list(x)"),
    ("x.chunk(2, 0)", "np.array_split(x, 2, axis=0)"),
    ("x.narrow(1, 0, 2)", "x[:, 0:2]"),
    ("x.select(1, 0)", "x[:, 0]"),
    ("x.index_select(1, i[0])", "x.take(i[0], axis=1)"),
    ("x.gather(1, i)", "np.take_along_axis(x, i, axis=1)"),
    ("x.masked_select(x > 0)", "x[x > 0]"),
    ("x.masked_fill(x > 0, 0.0)", "np.where(x > 0, 0.0, x)"),
    ("torch.cat([x, y], dim=1)", "np.concatenate([x, y], axis=1)"),
    ("x.movedim(0, 1)", "np.moveaxis(x, 0, 1)"),
    ("x.add(y)", "x + y"),
    ("x.sub(y)", "x - y"),
    ("x.mul(y)", "x * y"),
    ("x.div(y)", "x / y"),
    ("x.pow(2)", "x ** 2"),
    ("x.neg()", "-x"),
    ("x.eq(y)", "x == y"),
    ("x.ne(y)", "x != y"),
    ("x.gt(y)", "x > y"),
    ("x.ge(y)", "x >= y"),
    ("x.lt(y)", "x < y"),
    ("x.le(y)", "x <= y"),
    ("x.mm(y.T)", "x @ y.T"),
    ("x.mv(y[0])", "x @ y[0]"),
    ("x.bmm(y)", "x @ y"),
    ("x.amax(1)", "x.max(axis=1)"),
    ("x.amin(1)", "x.min(axis=1)"),
    ("x.clamp(-1, 1)", "x.clip(-1, 1)"),
    ("x.norm()", "np.linalg.norm(x)"),
    ("x.inverse()", "np.linalg.inv(x)"),
    ("x.det()", "np.linalg.det(x)"),
    ("x.logsumexp(1)", "dl.numpy.logsumexp(x, axis=1)"),
    ("x.softmax(1)", "dl.numpy.softmax(x, axis=1)"),
)

# The same name with another meaning in NumPy, where no error tells the difference.
FALSE_FRIENDS = (
    ("x.transpose(0, 1)", "x.swapaxes(0, 1)"),
    ("x.repeat(2, 1)", "np.tile(x, (2, 1))"),
    ("x.max(1)", "x.max(axis=1), x.argmax(axis=1)"),
    ("x.sort(1)", "np.sort(x, axis=1), np.argsort(x, axis=1)"),
    ("x.std(1)", "x.std(axis=1, ddof=1)"),
    ("x.var()", "x.var(ddof=1)"),
    ("x.split(2, 1)", "np.split(x, range(2, x.shape[1], 2), axis=1)"),
    ("x.flatten(0)", "x.flatten()"),
    ("x.size()", "x.shape"),
    ("x.size(0)", "x.shape[0]"),
)

# What is no question of spelling.
HABITS = {
    "backward": "gradients are taken of functions: dl.grad(f)(x)",
    "grad": "gradients are taken of functions: dl.grad(f)(x)",
    "grad_fn": "dl.trace(f, x) is the graph of a function",
    "requires_grad": "the arguments of the function say what it is differentiated by",
    "requires_grad_": "the arguments of the function say what it is differentiated by",
    "retain_grad": "dl.backward_graph and dl.parse(...).forward(...).backward() show the adjoint of every node",
    "is_leaf": "the arguments of the function are the leaves",
    "detach": "dl.stop_gradient(x) makes it a constant",
    "detach_": "dl.stop_gradient(x) makes it a constant",
    "data": "dl.stop_gradient(x) makes it a constant",
    "numpy": "it works as an array already, and its numbers are there when the function has returned",
    "cuda": "difflab computes on the processor: leave it out",
    "device": "difflab computes on the processor: leave it out",
}

KEYWORDS = {"dim": "axis", "keepdim": "keepdims", "unbiased": "ddof", "correction": "ddof"}
CALLED = {"size": "shape", "shape": "shape", "ndim": "ndim", "T": "T"}  # no functions in NumPy


def _by_name() -> dict[str, str]:
    found: dict[str, str] = {}
    for theirs, ours in SPELLINGS:
        name = re.split(r"[.(]", theirs)[1]
        found.setdefault(name, f"PyTorch's {theirs} is NumPy's {ours}" if "dl." not in ours else f"write {ours}")
    return found


BY_NAME = _by_name()


def mend(name: str) -> str:
    """What to write instead of one of PyTorch's names; "" where it is none.

    >>> mend("unsqueeze")
    "PyTorch's x.unsqueeze(0) is NumPy's x[None]"
    """
    if found := HABITS.get(name) or BY_NAME.get(name):
        return found
    if name.endswith("_") and not name.startswith("_"):
        return "names that end in _ change a tensor in place, and a recorded value cannot change: write x = x + y"
    return ""


def keywords_refused(where: str, given: Iterable[str]) -> InputError | None:
    """The error for a call with PyTorch's keywords; None where there are none.

    >>> print(keywords_refused("sum", ["dim"]))
    sum: dim= is PyTorch's keyword, NumPy's is axis=
    """
    theirs = next((name for name in given if name in KEYWORDS), None)
    if theirs is None:
        return None
    return InputError(f"{where}: {theirs}= is PyTorch's keyword, NumPy's is {KEYWORDS[theirs]}=")
