"""What networkx may do with a finished graph: read it, and copy it into a draft that may be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx

from ..errors import InputError
from .drawable import Drawable

MUTATORS = (
    "add_edge add_edges_from add_node add_nodes_from add_weighted_edges_from clear clear_edges remove_edge "
    "remove_edges_from remove_node remove_nodes_from update"
).split()
SAID = frozenset("op name value params block position output".split())  # what a graph says of its nodes and edges


class Draft(Drawable, nx.MultiDiGraph):  # type: ignore[misc]
    """A networkx graph on the way to a `Graph`: what networkx makes of one (copies, subgraphs, compositions).

    It may be changed. `finish()` checks it as `Graph.from_networkx` does and gives the `Graph`; calling the draft, or
    drawing it, does that first. Raises InputError where something is missing or wrong.

    >>> import difflab as dl
    >>> draft = dl.parse("q = x + y; f = q * z").copy()
    >>> draft(x=-2, y=5, z=-4)
    np.float64(-12.0)
    >>> q, f = [node for node in draft if node.name in ("q", "f")]
    >>> draft.remove_edge(q, f)
    >>> draft(x=-2, y=5, z=-4)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    difflab.errors.InputError: from_networkx: ...node 'f': there is an operand 1, and none at position 0...
    """

    def finish(self) -> Any:
        """The `Graph` of this draft."""
        from .graph import Graph

        return Graph.from_networkx(self)

    def to_directed_class(self) -> type[Draft]:
        """What networkx makes of a draft: a draft."""
        return Draft

    def __reduce__(self) -> Any:  # views of networkx, such as a subgraph, hold functions; what they show can be pickled
        return drafted, (list(self.nodes(data=True)), list(self.edges(keys=True, data=True)), self.graph)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.finish()(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The forward pass of the finished graph."""
        return self.finish().forward(*args, **kwargs)

    def to_graphviz(self, **options: Any) -> Any:
        """The drawing of the finished graph; see `Graph.to_graphviz`."""
        return self.finish().to_graphviz(**options)

    def _repr_svg_(self) -> str:
        return self.finish()._repr_svg_()  # type: ignore[no-any-return]


def drafted(nodes: list[Any], edges: list[Any], attributes: dict[str, Any]) -> Draft:
    """The draft of these nodes and edges."""
    draft = Draft(**attributes)
    draft.add_nodes_from(nodes)
    draft.add_edges_from(edges)
    return draft


def finished(what: str) -> InputError:
    """The error for whoever changes a finished graph."""
    return InputError(
        f"{what}: a finished graph does not change. Change a copy, as in h = g.copy(); Graph.from_networkx(h) checks "
        "it and makes a graph of it again"
    )


def refusal(name: str) -> Callable[..., Any]:
    """The method of that name, which refuses."""

    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise finished(name)

    refuse.__name__ = name
    refuse.__doc__ = "Refused: a finished graph does not change; a copy does."
    return refuse


class Sealed(dict[Any, Any]):
    """A dictionary that refuses changes."""

    __setitem__, __delitem__, __ior__ = refusal("[...] ="), refusal("del"), refusal("|=")
    clear, pop, popitem = refusal("clear"), refusal("pop"), refusal("popitem")
    setdefault, update = refusal("setdefault"), refusal("update")

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class Attributes(Sealed):
    """The attributes of a node or an edge: others can be added, for layouts say; what the graph says cannot change."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if key in SAID:
            raise finished(f"{key}={value!r:.60}")
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Any) -> None:
        if key in SAID:
            raise finished(f"del {key}")
        dict.__delitem__(self, key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self.update(other)
        return self

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: Any, *default: Any) -> Any:
        if key in SAID:
            raise finished(f"pop({key!r})")
        return dict.pop(self, key, *default)
