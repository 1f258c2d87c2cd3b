"""Places of small arrays, and the loops over them, run as Python: they visit what NumPy's views hold."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.native.places import ALIGNED, Nest, Strided, Workspace, parts, rearranged, rearranges, strided

BASE = np.arange(5, 5 + 60).reshape(3, 4, 5)
EVEN = {
    "whole": (BASE, (20, 5, 1)),
    "a slice": (BASE[:, ::2, 1:4], (20, 10, 1)),
    "backwards": (BASE[::-1, :, ::-2], (-20, 5, -2)),
    "transposed": (BASE.transpose(2, 0, 1), (1, 20, 5)),
    "broadcast": (np.broadcast_to(BASE[:, :1, :1], (3, 2, 4)), (20, 0, 0)),
    "a diagonal": (BASE[:, range(4), range(4)], (20, 6)),
    "one element": (BASE[1:2, 2:3], (0, 0, 1)),
    "a number": (BASE[2, 3, 4], ()),
    "nothing": (BASE[:0], (0, 0, 0)),
}


@pytest.mark.parametrize("places, steps", EVEN.values(), ids=list(EVEN))
def test_even_places_have_a_start_and_steps(places, steps):
    places = np.asarray(places)
    assert strided(places) == Strided(int(places.flat[0]) if places.size else 0, steps)


@pytest.mark.parametrize("places", [BASE[[0, 1, 0]], BASE[:, [0, 1, 3]], np.roll(BASE, 1, 2), BASE[..., [0, 2, 3]]])
def test_uneven_places_have_none(places):
    assert strided(places) is None


def visited(nest, p):
    """The places that the written loops come by, in their order."""
    lines, indent = nest.heads("")
    found = []
    exec("\n".join([*lines, f"{indent}found.append({nest.place(p)})"]), {"found": found})
    return found


SHAPES = {
    "both even": [BASE, BASE + 100],
    "one transposed": [BASE.transpose(0, 2, 1), np.arange(60).reshape(3, 5, 4)],
    "one broadcast": [BASE, np.broadcast_to(np.arange(5), BASE.shape)],
    "parts of rows": [BASE[:, 1:3], BASE[:, 2:]],
    "backwards": [BASE[::-1], BASE],
    "short axes": [BASE[:1, :, :1], BASE[:1, :, 2:3]],
    "an outer product": [np.broadcast_to(np.arange(3)[:, None], (3, 4)), np.broadcast_to(np.arange(4), (3, 4))],
    "numbers": [np.array(7), np.array(9)],
}
LOOPS = {"both even": 1, "one transposed": 3, "one broadcast": 2, "parts of rows": 2, "backwards": 2, "short axes": 1,
         "an outer product": 2, "numbers": 0}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_loops_visit_all_places_in_order(name):
    arrays = SHAPES[name]
    nest = Nest(arrays[0].shape, [strided(a) for a in arrays])
    assert len(nest.axes) == LOOPS[name]
    for p, places in enumerate(arrays):
        assert visited(nest, p) == np.ravel(places).tolist()


def test_a_workspace_gives_out_aligned_places_that_do_not_overlap():
    space, taken = Workspace(), []
    for shape in ((), (3,), (2, 4), (2, 5), (0,), (1,)):
        places = space.take(shape, "float64")
        assert places.shape == shape
        taken += np.ravel(places).tolist()
        assert not places.size or places.flat[0] % ALIGNED == 0
    assert len(set(taken)) == len(taken) == 23 and max(taken) < space.used["float64"] == 8 * 7
    assert space.take((2,), "float32").tolist() == [0, 1]


JOINED = [
    (lambda x, y: np.concatenate([x, y], axis=1), "concatenate"),
    (lambda x, y: np.stack([x, x], axis=2), "stack"),
    (lambda x, y: np.concatenate([y, x, y], axis=1), "concatenate"),
]


@pytest.mark.parametrize("f, name", JOINED, ids=["concatenate", "stack", "three"])
def test_parts_say_where_elements_go(f, name):
    x, y = np.arange(6.0).reshape(2, 3), np.arange(10.0, 14).reshape(2, 2)
    graph = dl.trace(lambda x, y: f(x, y) + 0 * np.sum(y), x, y)
    (node,) = [n for n in graph.operations if n.primitive.name == name]
    flat = np.full(int(np.prod(node.shape)), np.nan)
    for operand, positions in zip(node.operands, parts(node)):
        assert positions.shape == operand.shape
        flat[positions] = x if operand.shape == x.shape else y
    np.testing.assert_array_equal(flat.reshape(node.shape), f(x, y))


MOVED = [
    lambda x: x.T, lambda x: x[1:, ::2], lambda x: np.flip(x, 0), lambda x: np.roll(x, 1, axis=1),
    lambda x: np.broadcast_to(x, (2, 3, 4)), lambda x: np.repeat(x, 2, axis=0), lambda x: np.ravel(x),
    lambda x: np.swapaxes(x[None], 0, 2),
]  # fmt: skip


@pytest.mark.parametrize("f", MOVED, ids=range(len(MOVED)))
def test_what_only_moves_elements_runs_on_places(f):
    x = np.arange(12.0).reshape(3, 4)
    (node, *_) = [n for n in dl.trace(lambda x: np.sum(f(x)), x).operations if rearranges(n)][-1:]
    places = np.arange(node.operands[0].size).reshape(node.operands[0].shape) + 40
    found = rearranged(node, places)
    assert found.shape == node.shape == f(x).shape
    if node.operands[0].shape == x.shape:
        np.testing.assert_array_equal(found, f(x) + 40)
    summed = [n for n in dl.trace(lambda x: np.sum(f(x)), x).operations if n.primitive.name == "sum"]
    assert not rearranges(summed[0])
