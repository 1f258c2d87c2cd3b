"""Models as plain data and back, so that a checkpoint can say what it is a checkpoint of."""

from __future__ import annotations

from ..errors import InputError
from ..types import Value
from . import init, layers
from .arrays import Record
from .layers.layer import Layer
from .layers.sequential import Sequential

KINDS: dict[str, type[Layer]] = {
    name: kind
    for name, kind in ((name, getattr(layers, name)) for name in layers.__all__)
    if isinstance(kind, type) and issubclass(kind, Layer)
}
DEEPEST = 50


def to_spec(layer: Layer) -> Record:
    """The layer as numbers, text, lists and dicts.

    >>> from difflab import nn
    >>> to_spec(nn.Dropout(0.2))
    {'layer': 'Dropout', 'p': 0.2}
    """
    kind = type(layer).__name__
    if KINDS.get(kind) is not type(layer):
        raise InputError(f"{kind} is not one of difflab.nn's layers; a checkpoint cannot say how to make it again")
    if isinstance(layer, Sequential):
        return {"layer": kind, "layers": [[n, to_spec(one)] for n, one in zip(layer.names, layer.layers)]}
    return {"layer": kind} | {name: plain(value) for name, value in layer.settings().items()}


def plain(value: Value) -> Value:
    if isinstance(value, init.Scheme):
        if init.KINDS.get(type(value).__name__) is not type(value):
            raise InputError(f"{value!r} is not one of nn.init's schemes; a checkpoint cannot say how to make it again")
        return {"scheme": type(value).__name__} | vars(value)
    return list(value) if isinstance(value, tuple) else value


def scheme_from(spec: Record) -> init.Scheme:
    """The scheme of first weights that `plain` described."""
    try:
        return init.KINDS[spec["scheme"]](**{k: v for k, v in spec.items() if k != "scheme"})
    except (KeyError, TypeError, InputError):
        raise InputError("the description of the model names a scheme of weights that nn.init lacks") from None


def from_spec(spec: Record, depth: int = 0) -> Layer:
    """The layer that `to_spec` described. Anything else is refused; nothing but difflab.nn's own layers is made."""
    if depth > DEEPEST or not isinstance(spec, dict) or not isinstance(spec.get("layer"), str):
        raise InputError("the description of the model is damaged")
    kind = KINDS.get(spec["layer"])
    if kind is None:
        raise InputError(f"the description of the model names a layer {spec['layer'][:40]!r} that difflab.nn lacks")
    if kind is Sequential:
        try:
            return Sequential({name: from_spec(one, depth + 1) for name, one in spec["layers"]})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError("the description of the model is damaged") from None
    settings: Record = {k: tuple(v) if isinstance(v, list) else v for k, v in spec.items() if k != "layer"}
    if isinstance(scheme := spec.get("init"), dict):
        settings["init"] = scheme_from(scheme)
    if any(not isinstance(v, int | float | str | tuple | init.Scheme | type(None)) for v in settings.values()):
        raise InputError(f"the description of a {kind.__name__} is damaged")
    try:
        return kind(**settings)
    except TypeError:
        raise InputError(f"the description of a {kind.__name__} is damaged: {sorted(settings)}") from None
