"""Contractions of tensors: einsum, and the products that NumPy spells in other ways."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Value
from . import batches, by_parts, by_rows
from .arguments import axes_of, is_integer, refuse
from .primitive import Carrier, Reading, composite, linear
from .products import placeholder, read_matmul


# einsum: every contraction is one row, and its transpose is another einsum.
def einsum_transpose(m: Carrier, i: int, ct: Value, *xs: Value, subscripts: str) -> Value:
    """The cotangent of operand i: the other operands and ct, contracted to i's labels.

    Labels that only operand i has were summed over, so the cotangent is constant along them, as it is where the other
    operands had one element that was repeated; a label that occurs twice in it was a diagonal, so the cotangent is
    written back onto the diagonal.
    """
    transposed, kept, unique, target = turned_round(subscripts, i)
    result = m.einsum(ct, *xs[:i], *xs[i + 1 :], subscripts=transposed)
    if kept == target and m.shape(result) == m.shape(xs[i]):
        return result
    sizes = dict(zip(target, m.shape(xs[i])))
    if kept != unique:
        result = m.reshape(result, shape=tuple(m.shape(result)[kept.index(c)] if c in kept else 1 for c in unique))
    whole = tuple(sizes[c] if n == 1 else n for n, c in zip(m.shape(result), unique))
    if whole != m.shape(result):
        result = m.broadcast_to(result, shape=whole)
    return onto_diagonal(m, result, unique, target, sizes)


@lru_cache(maxsize=1000)
def turned_round(subscripts: str, i: int) -> tuple[str, str, str, str]:
    """The contraction that gives operand i's cotangent, the labels of its result, and i's: each once, and all."""
    inputs, output = split(subscripts)
    others = inputs[:i] + inputs[i + 1 :]
    unique = "".join(dict.fromkeys(inputs[i]))
    kept = "".join(c for c in unique if c in "".join([output, *others]))
    return ",".join([output, *others]) + "->" + kept, kept, unique, inputs[i]


def contract(m: Carrier, operands: Sequence[tuple[str, Value]], output: str) -> Value:
    return m.einsum(*[x for _, x in operands], subscripts=",".join(s for s, _ in operands) + "->" + output)


def onto_diagonal(m: Carrier, x: Value, labels: str, target: str, sizes: dict[str, int]) -> Value:
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


def read_einsum(*operands: Value, out: object = None, optimize: Value = False, **other: Any) -> Value:
    """Both spellings of np.einsum, with `...` and the implicit output written out."""
    refuse(out=out)
    if not operands:
        raise InputError("einsum: give subscripts and arrays")
    if isinstance(operands[0], str):
        text, arrays = operands[0].replace(" ", ""), operands[1:]
    else:
        text, arrays = letters(operands)
    left, arrow, output = text.partition("->")
    if wrong := set(text.replace("...", "").replace("->", "")) - set(string.ascii_letters + ","):
        raise InputError(f"einsum: {text!r} has {min(wrong)!r}; labels are letters")
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
    elif spread and "..." not in output:
        raise ShapeError(f"einsum: the output of {text!r} needs the '...' of its terms")
    output = output.replace("...", spread)
    if len(set(output)) != len(output):
        raise InputError(f"einsum: the output of {text!r} has a label twice")
    labels_fit(text, explicit, arrays)
    if not all(c in "".join(explicit) for c in output):
        raise ShapeError(f"einsum: the output of {text!r} has a label that no term has")
    return tuple(arrays), {"subscripts": ",".join(explicit) + "->" + output}


def labels_fit(text: str, terms: list[str], arrays: Sequence[Value]) -> None:
    """Refuses a label that stands for two lengths; 1 broadcasts."""
    sizes: dict[str, int] = {}
    for term, x in zip(terms, arrays):
        for label, n in zip(term, Carrier.shape(x)):
            if n != sizes.get(label, n) and 1 not in (n, sizes[label]):
                raise ShapeError(
                    f"einsum: the label {label!r} of {text!r} stands for {sizes[label]} and for {n} elements"
                )
            sizes[label] = max(n, sizes.get(label, n))


def letters(operands: tuple[Value, ...]) -> tuple[str, tuple[Value, ...]]:
    """The operand and index-list spelling as text."""
    output = operands[-1] if len(operands) % 2 else None
    pairs = operands[: len(operands) - (output is not None)]

    def spell(labels: Sequence[Value]) -> str:
        return "".join("..." if k is Ellipsis else string.ascii_letters[k] for k in labels)

    text = ",".join(spell(labels) for labels in pairs[1::2])
    return text if output is None else f"{text}->{spell(output)}", pairs[::2]


linear(
    "einsum",
    einsum_transpose,
    doc="Einstein summation: the product of the operands, summed over the labels that the output lacks.",
    called=("numpy",),
    glyph="einsum",
    arguments=read_einsum,
    reading=Reading("apart", as_recorded=True),
    spelling={"numpy": "kernels.linear_algebra.einsum", "elements": "kernels.linear_algebra.einsum_elements"},
    domain=(),
    batch=batches.einsum,
    by_rows=by_rows.einsum,
    labels=lambda ranks, *, subscripts: subscripts,
    by_parts=by_parts.einsum,
)


def as_einsum(arrays: tuple[Value, ...], terms: list[str], output: str) -> Value:
    return arrays, {"subscripts": ",".join(terms) + "->" + output}, "einsum"


def read_tensordot(a: Value, b: Value, axes: Value = 2) -> Value:
    sa, sb = Carrier.shape(a), Carrier.shape(b)
    na, nb = len(sa), len(sb)
    if is_integer(axes):
        if not 0 <= axes <= min(na, nb):
            raise ShapeError(f"tensordot: axes={axes} of arrays with {na} and {nb} dimensions")
        if sa[na - axes :] == sb[:axes]:
            first, rest = string.ascii_letters[:na], string.ascii_letters[na + axes : na + nb]
            return as_einsum((a, b), [first, first[na - axes :] + rest], first[: na - axes] + rest)
        axes = range(na - axes, na), range(axes)
    left, right = (axes_of("tensordot", x, k) for x, k in zip((a, b), axes))
    if len(left) != len(right) or any(sa[p] != sb[q] for p, q in zip(left, right)):
        raise ShapeError(f"tensordot: axes {left} of shape {sa} do not fit axes {right} of shape {sb}")
    one = list(string.ascii_letters[:na])
    two = list(string.ascii_letters[na : na + nb])
    for p, q in zip(left, right):
        two[q] = one[p]
    kept = [c for k, c in enumerate(one) if k not in left] + [c for k, c in enumerate(two) if k not in right]
    return as_einsum((a, b), ["".join(one), "".join(two)], "".join(kept))


def read_dot(a: Value, b: Value, out: object = None) -> Value:
    refuse(out=out)
    na, nb = Carrier.ndim(a), Carrier.ndim(b)
    if na == 0 or nb == 0:
        return (a, b), {}, "multiply"
    if nb <= 2:
        read_matmul(a, b)
        return (a, b), {}, "matmul"
    return read_tensordot(a, b, ([na - 1], [nb - 2]))


def read_inner(a: Value, b: Value) -> Value:
    if Carrier.ndim(a) == 0 or Carrier.ndim(b) == 0:
        return (a, b), {}, "multiply"
    return read_tensordot(a, b, ([Carrier.ndim(a) - 1], [Carrier.ndim(b) - 1]))


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
composite(
    "matvec",
    placeholder,
    doc="Matrices times vectors.",
    glyph="@",
    arguments=lambda a, b: (*read_einsum("...ij,...j->...i", a, b), "einsum"),
    reads=("matvec",),
)
