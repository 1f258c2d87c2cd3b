"""The program that a page's button copies: the graph as text, the point that is shown, its value and its gradient."""

from __future__ import annotations

import numpy as np

from ...errors import DifflabError
from ...graph.node import Node
from ...graph.parse import parse
from ...graph.to_text import to_text
from ...types import Value
from .model import Model

MOST_CHARACTERS, MOST_NODES, MOST_ENTRIES = 20_000, 2000, 200


def copied(model: Model, live: bool) -> str | None:
    """The program's text; None where the language has no text for the graph, or it would be too long to read.

    With `live` a mark such as ⟦0⟧ stands in the place of each input's value, numbered as the inputs are.
    """
    try:
        text, names = text_of(model)
        if len(text) > MOST_CHARACTERS or not reproduces(model, text, names):
            return None
        values = {n: f"⟦{k}⟧" if live else written(model.forward.values[n]) for k, n in enumerate(model.graph.inputs)}
    except (DifflabError, Unwritable):
        return None
    arrays = any(np.ndim(model.forward.values[n]) or "np." in value for n, value in values.items())
    at = ", ".join(f"{name}={values[n]}" for n, name in names.items())
    return "\n".join(["import numpy as np"] * arrays + lines(model, text, at)) + "\n"


def lines(model: Model, text: str, at: str) -> list[str]:
    name = model.output.name or "f"
    found = ["import difflab as dl", "", f"graph = dl.parse({quoted(text)})", f"forward = graph.forward({at})"]
    found.append(f'print("{name} =", forward.values[graph.outputs[0]])')
    if model.backward is None:
        return found
    seed = model.backward.given
    given = "" if np.ndim(seed) == 0 and seed == 1 else written(seed)
    return [
        *found,
        f"backward = forward.backward({given})",
        "for name, slope in backward.gradient.items():",
        f'    print(f"d {name} / d {{name}} = {{slope}}")',
    ]


class Unwritable(Exception):
    """A value that is too long for a program."""


def text_of(model: Model) -> tuple[str, dict[Node, str]]:
    """What a person wrote, where the graph was made of a text; else a text made of the graph."""
    graph, names = model.graph, {n: str(n.name) for n in model.graph.inputs}
    if graph.text and model.output is graph.outputs[0] and "self" not in names.values():
        return graph.text.strip(), names
    if len(graph.order) > MOST_NODES:
        raise Unwritable
    return to_text(graph, model.output)


def reproduces(model: Model, text: str, names: dict[Node, str]) -> bool:
    """Whether the text, read again, gives the value that is shown."""
    if text == (model.graph.text or "").strip():
        return True
    with np.errstate(all="ignore"):
        found = parse(text)(**{name: model.forward.values[n] for n, name in names.items()})
    return np.allclose(found, model.forward.values[model.output], rtol=1e-12, atol=0, equal_nan=True)


def written(value: Value) -> str:
    """A value in Python's syntax."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.size > MOST_ENTRIES:
        raise Unwritable
    if not array.ndim and array.dtype == np.float64:
        return repr(float(value)) if np.isfinite(value) else f'float("{float(value)}")'
    if not np.all(np.isfinite(array)):
        raise Unwritable
    dtype = "" if array.dtype == np.float64 and array.size else f", dtype=np.{array.dtype.name}"
    listed = array.astype(float).tolist() if not dtype else array.tolist()
    return f"np.array({listed}{dtype})"


def quoted(text: str) -> str:
    """A text as Python's literal, several lines as several lines."""
    return f'"""\n{text}\n"""' if "\n" in text and "\\" not in text and '"' not in text else repr(text)
