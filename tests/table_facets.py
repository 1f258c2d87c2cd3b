"""What is judged of each row: the facets that a row has, derived from the row, and the check of each.

A check takes the row's name, raises AssertionError where the row is wrong, and returns how much it compared.
"""

from __future__ import annotations

import table_arrays as arrays
import table_carriers as carriers
import table_elementwise as numbers
import table_spellings as spellings
from table_signatures import functions, signatures

from difflab import primitives
from difflab.primitives import BUILT_IN, TABLE
from difflab.primitives.found import find
from difflab.primitives.products import placeholder

ROWS = [row.name for row in primitives.table() if row in BUILT_IN]


def by_kind(for_numbers, for_arrays, check):
    """The check of that name for elementwise rows or for array rows."""
    return lambda name: getattr(for_numbers if TABLE[name].kind == "elementwise" else for_arrays, check)(name)


FACETS = {
    "value": by_kind(numbers, arrays, "value"),
    "jvp": by_kind(numbers, arrays, "jvp"),
    "vjp": by_kind(numbers, arrays, "vjp"),
    "second derivative": by_kind(numbers, arrays, "second"),
    "gate": arrays.gate,
    "batch": by_kind(numbers, arrays, "batch"),
    "shape": by_kind(numbers, arrays, "shapes"),
    "complex values": by_kind(spellings, carriers, "complex_values"),
    "complex step": by_kind(spellings, carriers, "complex_steps"),
    "sympy": by_kind(spellings, carriers, "sympy_values"),
    "arb": by_kind(spellings, carriers, "arb_values"),
    "program": carriers.program,
    "elements": carriers.elements,
    "signature": signatures,
}


def read_as_another(row):
    """Whether every call of the row means another one, or is answered when it is read."""
    given = [row.value, row.kinks, row.batch, row.spelling or None]
    return row.value is placeholder or (row.kind == "opaque" and all(g is None for g in given))


def has_slopes(row):
    if row.kind == "elementwise":
        return row.differentiable and any(p is not None for p in row.partials) and row.name != "stop_gradient"
    return row.kind in ("linear", "custom", "composite")


def takes_complex(row):
    """Whether NumPy or SciPy has the row's function for complex numbers."""
    paths = (row.name,) if row.reads is None else row.reads
    types = getattr(next((f for f in map(find, paths) if f is not None), None), "types", ())
    ordered = row.name in ("maximum", "minimum", "fmax", "fmin")  # NumPy orders complex numbers by their parts
    if row.name in ("real", "imag"):
        return True
    return row.kind == "elementwise" and "D" * len(row.partials) + "->D" in types and not ordered


def facets_of(name):
    """The facets that apply to a row."""
    row = TABLE[name]
    found = ["signature"] if any(True for _ in functions(row)) else []
    if name in ("input", "constant"):
        return found
    found += ["value", "batch", "shape"]
    if has_slopes(row):
        found += ["jvp", "vjp", "second derivative"]
    if takes_complex(row):
        found += ["complex values"]
    if row.kind == "elementwise":
        return [*found, *(["sympy", "arb", "complex step"] if has_slopes(row) else ["sympy"])]
    if not read_as_another(row):
        found += ["elements", "sympy"] + ["program"] * (row.value is not None)
        found += ["gate", "arb", "complex step"] if has_slopes(row) else []
    return found
