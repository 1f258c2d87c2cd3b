"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import itertools
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from .arguments import refuse
from .carriers import Carrier
from .primitive import composite, linear


def matmul_transpose(m: Any, i: int, ct: Any, a: Any, b: Any) -> Any:
    """The cotangent of a or b in a @ b, for every pair of ranks; the driver undoes broadcast stacks."""
    vector_a, vector_b = m.ndim(a) == 1, m.ndim(b) == 1
    if vector_a and vector_b:
        return ct * (b, a)[i]
    if vector_a:
        ct = m.reshape(ct, shape=(*m.shape(ct)[:-1], 1, m.shape(ct)[-1]))
        a = m.reshape(a, shape=(1, m.shape(a)[0]))
    if vector_b:
        ct = m.reshape(ct, shape=(*m.shape(ct), 1))
        b = m.reshape(b, shape=(m.shape(b)[0], 1))
    if i == 0:
        out = m.matmul(ct, flip(m, b))
        return m.reshape(out, shape=(*m.shape(out)[:-2], m.shape(out)[-1])) if vector_a else out
    out = m.matmul(flip(m, a), ct)
    return m.reshape(out, shape=m.shape(out)[:-1]) if vector_b else out


def flip(m: Any, x: Any) -> Any:
    """The matrices of a stack transposed."""
    n = m.ndim(x)
    return m.transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def read_matmul(a: Any, b: Any, /, out: Any = None, **other: Any) -> Any:
    refuse(out=out)
    sa, sb = Carrier.shape(a), Carrier.shape(b)
    if not sa or not sb:
        raise ShapeError(f"matmul: shapes {sa} and {sb}: a number has no matrix product; use *")
    if sa[-1] != sb[-2 if len(sb) > 1 else 0]:
        raise ShapeError(
            f"matmul: shapes {sa} and {sb} do not fit: the last axis of the first has {sa[-1]} elements, "
            f"the {'second to last' if len(sb) > 1 else 'only'} axis of the second "
            f"{sb[-2 if len(sb) > 1 else 0]}; transpose or reshape one of them"
        )
    return (a, b), {}


linear(
    "matmul",
    matmul_transpose,
    doc="The matrix product a @ b, stacks of matrices included.",
    glyph="@",
    infix="@",
    latex=r"{0}\,{1}",
    arguments=read_matmul,
    reads=("matmul", "linalg.matmul"),
    spelling={"elements": "kernels_linalg.matmul"},
)


# einsum: every contraction is one row, and its transpose is another einsum.
def einsum_transpose(m: Any, i: int, ct: Any, *xs: Any, subscripts: str) -> Any:
    """The cotangent of operand i: the other operands and ct, contracted to i's labels.

    Labels that only operand i has were summed over, so the cotangent is constant along them; a label that occurs twice
    in it was a diagonal, so the cotangent is written back onto the diagonal.
    """
    inputs, output = split(subscripts)
    target = inputs[i]
    others = [(inputs[j], xs[j]) for j in range(len(xs)) if j != i]
    unique = "".join(dict.fromkeys(target))
    reachable = set(output).union(*[labels for labels, _ in others])
    kept = "".join(c for c in unique if c in reachable)
    result = contract(m, [(output, ct), *others], kept)
    sizes = dict(zip(target, m.shape(xs[i])))
    if kept != unique:
        result = m.reshape(result, shape=tuple(m.shape(result)[kept.index(c)] if c in kept else 1 for c in unique))
        result = m.broadcast_to(result, shape=tuple(max(n, sizes[c]) for n, c in zip(m.shape(result), unique)))
    return onto_diagonal(m, result, unique, target, sizes)


def contract(m: Any, operands: Sequence[tuple[str, Any]], output: str) -> Any:
    return m.einsum(*[x for _, x in operands], subscripts=",".join(s for s, _ in operands) + "->" + output)


def onto_diagonal(m: Any, x: Any, labels: str, target: str, sizes: dict[str, int]) -> Any:
    """x with its labels spread over the repeated labels of the target, zero off the diagonal."""
    if labels == target:
        return x
    free = (c for c in string.ascii_letters if c not in target)
    seen: set[str] = set()
    renamed, eyes = "", []
    for c in target:
        if c in seen:
            new = next(free)
            eyes.append((c + new, np.eye(sizes[c])))
            renamed += new
        else:
            seen.add(c)
            renamed += c
    return contract(m, [(labels, x), *eyes], renamed)


def split(subscripts: str) -> tuple[list[str], str]:
    left, output = subscripts.split("->")
    return left.split(","), output


def read_einsum(*operands: Any, out: Any = None, optimize: Any = False, **other: Any) -> Any:
    """Both spellings of np.einsum, with `...` and the implicit output written out."""
    refuse(out=out)
    if not operands:
        raise InputError("einsum: give subscripts and arrays")
    if isinstance(operands[0], str):
        text, arrays = operands[0].replace(" ", ""), operands[1:]
    else:
        text, arrays = letters(operands)
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(arrays):
        raise ShapeError(f"einsum: {text!r} has {len(terms)} terms for {len(arrays)} arrays")
    free = [c for c in string.ascii_letters if c not in text]
    ranks = [Carrier.ndim(x) - len(t.replace("...", "")) for t, x in zip(terms, arrays)]
    widest = max([r for r, t in zip(ranks, terms) if "..." in t], default=0)
    spread = "".join(free[:widest])
    explicit = []
    for term, rank, x in zip(terms, ranks, arrays):
        if rank < 0 or ("..." not in term and rank != 0):
            raise ShapeError(f"einsum: the term {term!r} of {text!r} does not fit an array of shape {Carrier.shape(x)}")
        explicit.append(term.replace("...", spread[len(spread) - rank :] if rank else ""))
    if not arrow:
        every = "".join(explicit)
        output = "..." + "".join(sorted(c for c in set(every) if every.count(c) == 1 and c not in spread))
    output = output.replace("...", spread)
    if not all(c in "".join(explicit) for c in output):
        raise ShapeError(f"einsum: the output of {text!r} has a label that no term has")
    return tuple(arrays), {"subscripts": ",".join(explicit) + "->" + output}


def letters(operands: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The operand and index-list spelling as text."""
    output = operands[-1] if len(operands) % 2 else None
    pairs = operands[: len(operands) - (output is not None)]
    spell = lambda labels: "".join("..." if k is Ellipsis else string.ascii_letters[k] for k in labels)
    text = ",".join(spell(labels) for labels in pairs[1::2])
    return text if output is None else f"{text}->{spell(output)}", pairs[::2]


linear(
    "einsum",
    einsum_transpose,
    doc="Einstein summation: the product of the operands, summed over the labels that the output lacks.",
    glyph="einsum",
    arguments=read_einsum,
    spelling={"numpy": "kernels_linalg.einsum", "elements": "kernels_linalg.einsum_elements"},
    domain=(),
)


def as_einsum(arrays: tuple[Any, ...], terms: list[str], output: str) -> Any:
    return arrays, {"subscripts": ",".join(terms) + "->" + output}, "einsum"


def read_tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    na, nb = Carrier.ndim(a), Carrier.ndim(b)
    left: list[Any]
    right: list[Any]
    if isinstance(axes, int | np.integer):
        left, right = list(range(na - axes, na)), list(range(axes))
    else:
        left, right = ([k] if isinstance(k, int | np.integer) else list(k) for k in axes)
    left, right = [k % na for k in left], [k % nb for k in right]
    sa, sb = Carrier.shape(a), Carrier.shape(b)
    if len(left) != len(right) or any(sa[p] != sb[q] for p, q in zip(left, right)):
        raise ShapeError(f"tensordot: axes {left} of shape {sa} do not fit axes {right} of shape {sb}")
    one = list(string.ascii_letters[:na])
    two = list(string.ascii_letters[na : na + nb])
    for p, q in zip(left, right):
        two[q] = one[p]
    kept = [c for k, c in enumerate(one) if k not in left] + [c for k, c in enumerate(two) if k not in right]
    return as_einsum((a, b), ["".join(one), "".join(two)], "".join(kept))


def read_dot(a: Any, b: Any, out: Any = None) -> Any:
    refuse(out=out)
    na, nb = Carrier.ndim(a), Carrier.ndim(b)
    if na == 0 or nb == 0:
        return (a, b), {}, "multiply"
    if nb <= 2:
        read_matmul(a, b)
        return (a, b), {}, "matmul"
    return read_tensordot(a, b, ([na - 1], [nb - 2]))


def read_inner(a: Any, b: Any) -> Any:
    if Carrier.ndim(a) == 0 or Carrier.ndim(b) == 0:
        return (a, b), {}, "multiply"
    return read_tensordot(a, b, ([Carrier.ndim(a) - 1], [Carrier.ndim(b) - 1]))


def read_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return (x1, x2), {"axis": axis}


def vecdot(m: Any, a: Any, b: Any, *, axis: int) -> Any:
    a = m.conjugate(a) if m.is_complex(a) else a
    product = m.multiply(a, b)
    return m.sum(product, axis=(axis % m.ndim(product),), keepdims=False)


def vdot(m: Any, a: Any, b: Any) -> Any:
    flat = lambda x: m.reshape(x, shape=(m.size(x),))
    return m.matmul(m.conjugate(flat(a)) if m.is_complex(a) else flat(a), flat(b))


def outer(m: Any, a: Any, b: Any) -> Any:
    return m.multiply(m.reshape(a, shape=(m.size(a), 1)), m.reshape(b, shape=(1, m.size(b))))


def kron(m: Any, a: Any, b: Any) -> Any:
    """Blocks of b scaled by the elements of a: an outer product with its axes interleaved."""
    n = max(m.ndim(a), m.ndim(b))
    sa = (1,) * (n - m.ndim(a)) + m.shape(a)
    sb = (1,) * (n - m.ndim(b)) + m.shape(b)
    left = m.reshape(a, shape=tuple(itertools.chain.from_iterable((k, 1) for k in sa)))
    right = m.reshape(b, shape=tuple(itertools.chain.from_iterable((1, k) for k in sb)))
    return m.reshape(m.multiply(left, right), shape=tuple(p * q for p, q in zip(sa, sb)))


def read_cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    for x, k in ((a, axisa), (b, axisb)):
        if Carrier.shape(x)[k] not in (2, 3):
            raise ShapeError(f"cross: axis {k} of shape {Carrier.shape(x)} has not 2 or 3 elements")
    return (a, b), {"axisa": axisa, "axisb": axisb, "axisc": axisc}


def cross(m: Any, a: Any, b: Any, *, axisa: int, axisb: int, axisc: int) -> Any:
    last = lambda x, k: m.moveaxis(x, source=(k % m.ndim(x),), destination=(m.ndim(x) - 1,))
    a, b = last(a, axisa), last(b, axisb)
    part = lambda x, k: m.getitem(x, index=(Ellipsis, k))
    plane = lambda p, q: part(a, p) * part(b, q) - part(a, q) * part(b, p)
    if m.shape(a)[-1] == 2 and m.shape(b)[-1] == 2:
        return plane(0, 1)
    if m.shape(a)[-1] == 2 or m.shape(b)[-1] == 2:
        a0, a1, a2 = part(a, 0), part(a, 1), part(a, 2) if m.shape(a)[-1] == 3 else 0.0 * part(a, 0)
        b0, b1, b2 = part(b, 0), part(b, 1), part(b, 2) if m.shape(b)[-1] == 3 else 0.0 * part(b, 0)
        parts = (a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0)
    else:
        parts = (plane(1, 2), plane(2, 0), plane(0, 1))
    out = m.stack(*parts, axis=-1)
    return m.moveaxis(out, source=(m.ndim(out) - 1,), destination=(axisc % m.ndim(out),))


def pair(a: Any, b: Any, out: Any = None) -> Any:
    refuse(out=out)
    return (a, b), {}


def placeholder(m: Any, *xs: Any, **params: Any) -> Any:
    raise AssertionError("this row is read as another one")


for _name, _doc, _read, _reads in (
    (
        "dot",
        "np.dot: the product of vectors and matrices; the last axis of a with the second to last of b.",
        read_dot,
        ("dot",),
    ),
    ("tensordot", "The sum of products over pairs of axes.", read_tensordot, ("tensordot", "linalg.tensordot")),
    ("inner", "The sum of products over the last axes.", read_inner, ("inner",)),
):
    composite(_name, placeholder, doc=_doc, arguments=_read, reads=_reads, glyph=_name)
composite("vdot", vdot, doc="The sum of conj(a) b over all elements.", arguments=pair)
composite(
    "outer",
    outer,
    doc="Every element of a times every element of b.",
    glyph="⊗",
    latex=r"{0} \otimes {1}",
    arguments=pair,
    reads=("outer", "linalg.outer"),
)
composite(
    "kron",
    kron,
    doc="The Kronecker product: b scaled by each element of a.",
    glyph="kron",
    latex=r"{0} \otimes {1}",
    arguments=pair,
)
composite("cross", cross, doc="The vector product.", glyph="cross", latex=r"{0} \times {1}", arguments=read_cross)
composite(
    "linalg_cross",
    placeholder,
    doc="np.linalg.cross: the vector product in three dimensions.",
    arguments=lambda a, b, /, *, axis=-1: (*read_cross(a, b, axis=axis), "cross"),
    reads=("linalg.cross",),
)
composite(
    "vecdot",
    vecdot,
    doc="The sum of conj(a) b along an axis.",
    arguments=read_vecdot,
    reads=("vecdot", "linalg.vecdot"),
)
composite(
    "matvec",
    placeholder,
    doc="Matrices times vectors.",
    glyph="@",
    arguments=lambda a, b: (*read_einsum("...ij,...j->...i", a, b), "einsum"),
    reads=("matvec",),
)
composite(
    "vecmat",
    placeholder,
    doc="Vectors times matrices.",
    glyph="@",
    arguments=lambda a, b: (*read_einsum("...i,...ij->...j", a, b), "einsum"),
    reads=("vecmat",),
)
composite(
    "multi_dot",
    placeholder,
    doc="The product of several matrices.",
    glyph="@",
    reads=("linalg.multi_dot",),
    arguments=lambda arrays, *, out=None: (tuple(arrays), {}, "chain_product"),
)
composite(
    "chain_product",
    lambda m, x, *rest: chain(m, x, rest),
    doc="The product of several matrices, left to right.",
    glyph="@",
    reads=(),
)


def chain(m: Any, x: Any, rest: tuple[Any, ...]) -> Any:
    for y in rest:
        x = m.matmul(x, y)
    return x
