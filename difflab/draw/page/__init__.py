"""The step-through page: one self-contained HTML file that shows a pass step by step."""

from __future__ import annotations

from ...errors import DrawError, UnsupportedError
from ...graph.graph import BackwardPass, ForwardPass, Graph
from ...primitives import rows
from ...progress import doing
from ..text import short
from .document import document
from .live import Live
from .model import Model

__all__ = ["page_of"]


def page_of(thing: object, title: str | None = None, ulps: bool = True) -> str:
    """The HTML text of the step-through page of a pass.

    `thing` is a BackwardPass, a ForwardPass, or a Graph without inputs (whose values are known). Where every value is a
    single double and every operation has a formula in JavaScript, the page has sliders and computes by itself;
    otherwise it shows the recorded steps. With `ulps` the methods are compared at the point, which takes a second.
    DrawError for anything else.

    >>> import difflab as dl
    >>> text = page_of(dl.parse("x * y").forward(x=2, y=3).backward(), ulps=False)
    >>> text.startswith("<!DOCTYPE html>"), "<svg" in text
    (True, True)
    """
    forward, backward = parts(thing)
    if all(n.primitive is rows.constant for n in forward.graph.order):
        value = short(forward.values[forward.graph.outputs[0]])
        raise DrawError(f"nothing flows here: the result is the constant {value}; a page needs an input, as in x * 2")
    with doing("making the page"):
        model = Model(forward, backward)
        try:
            live: Live | None = Live(model)
            reason = ""
        except UnsupportedError as error:
            live, reason = None, str(error)
        return document(model, live, reason, title, ulps)


def parts(thing: object) -> tuple[ForwardPass, BackwardPass | None]:
    """The forward and, where there is one, the backward pass."""
    if isinstance(thing, BackwardPass):
        return thing.forward, thing
    if isinstance(thing, ForwardPass):
        return thing, None
    if isinstance(thing, Graph) and thing.order and not thing.inputs:
        return thing.forward(), None
    if isinstance(thing, Graph):
        names = ", ".join(f"{n.name}=..." for n in thing.inputs)
        raise DrawError(f"a page shows values, and a graph has none; give graph.forward({names}).backward()")
    raise DrawError(f"{type(thing).__name__} has no page; give graph.forward(...) or its .backward()")
