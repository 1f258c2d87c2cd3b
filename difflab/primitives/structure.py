"""The rows that the recording itself needs: inputs, constants, one output of several, and undoing a broadcast."""

from __future__ import annotations

from . import batches, by_parts, by_rows
from .primitive import Leaf, Pick, Reading, elementwise, linear, register
from .spelling import Native
from .text import Text

register(Leaf(name="input", doc="An input of the graph.", called=(), glyph="", latex="{0}", reads=()))
register(
    Leaf(
        name="constant",
        doc="A constant.",
        called=(),
        latex="{0}",
        reads=(),
        spelling={"numpy": "kernels.structure.constant", "arb": "germs.constants.exact"},
        value=lambda m, *, value: value,
        differentiable=False,
    )
)
register(
    Pick(
        name="pick",
        transpose=lambda m, i, ct, x, *, index: ct,
        doc="One output of an operation that has several.",
        called=(),
        glyph="[·]",
        latex=r"{0}_{{{index}}}",
        text=Text("{0}[{index}]"),
        reads=(),
        value=lambda m, x, *, index: x[index],
        spelling={"numpy": "kernels.structure.pick"},
        flops=0,
    )
)
linear(
    "sum_to",
    lambda m, i, ct, x, *, shape: m.broadcast_to(ct, shape=m.shape(x)),
    doc="The sum over the axes along which `shape` was broadcast: the transpose of broadcasting.",
    called=(),
    glyph="Σ",
    latex=r"\Sigma\,{0}",
    facts={"odd", "sums"},
    reads=(),
    spelling={"numpy": "kernels.structure.sum_to", "elements": "kernels.structure.sum_to", "math": "{0}"},
    batch=batches.sum_to,
    by_rows=by_rows.sum_to,
    by_parts=by_parts.sum_to,
)
linear(
    "broadcast_to",
    lambda m, i, ct, x, *, shape: m.sum_to(ct, shape=m.shape(x)),
    doc="The array repeated along new or length-one axes.",
    glyph="broadcast",
    arguments=lambda array, shape, subok=False: (
        (array,),
        {"shape": (shape,) if isinstance(shape, int) else tuple(shape)},
    ),
    reading=Reading(sizes=True, copies=True),
    facts={"moves"},
    spelling={"numpy": "kernels.structure.broadcast_to", "math": "{0}"},
    flops=0,
    batch=batches.broadcast_to,
    by_rows=by_rows.broadcast_to,
    by_parts=by_parts.broadcast_to,
)
linear(
    "astype",
    lambda m, i, ct, x, *, dtype: ct,  # the driver casts a cotangent to its operand's dtype
    doc="The value in another dtype.",
    called=("numpy",),
    glyph="as",
    latex="{0}",
    reads=("astype",),
    arguments=lambda x, dtype, copy=True, device=None: ((x,), {"dtype": dtype}),
    spelling={
        "numpy": "kernels.structure.astype",
        "elements": "kernels.structure.astype_elements",
        "arb": "germs.arrays.astype",
        "complex": "kernels.continued.astype",
    },
    flops=0,
    batch=batches.stacks,
    by_rows=by_rows.everything,
    by_parts=by_parts.elements,
)
elementwise(
    "stop_gradient",
    (0,),
    doc="x itself, as a constant: nothing flows back through it.",
    glyph="stop",
    latex="{0}",
    reads=(),
    value=lambda m, x: x,
    flops=0,
    facts={"chooses"},
    spelling={"arb": "germs.choices.stop_gradient", "complex": "real", "math": "{0}", "native": Native("{0}")},
)
