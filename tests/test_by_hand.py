"""Graphs made by hand: from networkx, with a builder; each mistake is named; files; what a finished graph refuses."""

from __future__ import annotations

import copy
import json
import pickle

import networkx as nx
import numpy as np
import pytest

import difflab as dl

AT = {"x": -2.0, "y": 5.0, "z": -4.0}


def course():
    """f = (x + y) z, by hand."""
    g = nx.MultiDiGraph()
    g.add_nodes_from("xyz", op="input")
    g.add_node("q", op="add")
    g.add_node("f", op="multiply")
    g.add_edges_from([("x", "q", 0), ("y", "q", 1), ("q", "f", 0), ("z", "f", 1)])
    return g


def built():
    b = dl.builder()
    x, y = b.inputs("x", "y")
    q = b.add("q", x + y)
    return b.graph(f=q * b.input("z"))


WAYS = {"networkx": lambda: dl.Graph.from_networkx(course()), "builder": built, "class": lambda: dl.Graph(course())}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_all_that_a_graph_can_do(way, tmp_path):
    g = way()
    assert [n.name for n in g.order if n.operands] == ["q", "f"] and [n.name for n in g.order[:2]] == ["x", "y"]
    assert [n.name for n in g.inputs] == ["x", "y", "z"] and len(g) == 5 == g.number_of_nodes()
    assert g(**AT) == -12.0 and g.forward(**AT).value("q") == 3.0
    assert g.forward(**AT).backward().gradient == {"x": -4.0, "y": -4.0, "z": 3.0}
    found = dl.compare(g, AT)
    assert found.agree and {m.verdict[:6] for m in found.methods.values()} == {"agrees"} and len(found.methods) >= 5
    assert dl.compile(lambda x, y, z: g(x, y, z))(*AT.values()) == -12.0
    assert "q" in dl.draw(g, tmp_path / "g.svg").read_text()
    assert "<script" in dl.draw(g.forward(**AT).backward(), tmp_path / "g.html").read_text()


def test_signs_functions_parameters_and_blocks():
    g = nx.DiGraph()
    g.add_node(1, op="input", name="x", label="drawn by other tools")
    g.add_node("c", op="constant", value=[2, 3.0], color="red")
    g.add_node("p", op="\N{MULTIPLICATION SIGN}", block="outer/inner")
    g.add_node("m", op="-", block=("outer",))
    g.add_node("s", op=np.sum, axis="0", params={"keepdims": True})
    g.add_edge("c", "p", position="1")
    g.add_edge(1, "p", position=0.0)
    g.add_edge("p", "m")
    g.add_edge("m", "s")
    made = dl.Graph.from_networkx(g)
    assert made(x=np.array([[1.0, 1.0], [2.0, 0.0]])).tolist() == [[-6.0, -3.0]]
    assert [b.path for b in made.blocks] == [("outer",), ("outer", "inner")]
    assert made.node("p").block.parent is made.node("m").block


def one(op, *operands, **attributes):
    """A graph with one operation, on inputs a, b, ..., with names of arguments for some."""
    g = nx.MultiDiGraph()
    for place, name in enumerate(operands):
        key = f"x{place}"
        g.add_node(key, op="input")
        g.add_edge(key, "f", name if isinstance(name, str) else place)
    g.add_node("f", op=op, **attributes)
    return dl.Graph.from_networkx(g)


M, V = np.arange(6.0).reshape(2, 3) + 1, np.array([3.0, 1.0, 2.0])
CALLS = {
    "sum": (one("sum", M, axis=1), (M,), M.sum(1)),
    "settings as text": (one("sum", M, axis="(0, 1)", keepdims="true"), (M,), M.sum((0, 1), keepdims=True)),
    "a list": (one("concatenate", V, V), (V, V), np.concatenate([V, V])),
    "a list along": (one("stack", V, V, axis=-1), (V, V), np.stack([V, V], -1)),
    "an operand by name": (one("average", V, "weights"), (V, V), np.average(V, weights=V)),
    "in between": (one("clip", V, a_min=1.5, a_max=2.5), (V,), np.clip(V, 1.5, 2.5)),
    "an index": (one("getitem", M, index="(slice(None), 1)"), (M,), M[:, 1]),
    "a row's own": (one("einsum", M, V, subscripts="ij,j->i"), (M, V), M @ V),
    "max of two": (one("max", V, V), (V, V[::-1]), np.maximum(V, V[::-1])),
    "numpy's name": (one("np.arctan", V), (V,), np.arctan(V)),
    "a shape": (one("reshape", M, shape=(3, 2)), (M,), M.reshape(3, 2)),
    "an alias": (one("abs", V), (-V,), V),
    "scipy's name": (one("erf", V), (0 * V,), 0 * V),
}


@pytest.mark.parametrize(("graph", "xs", "want"), CALLS.values(), ids=list(CALLS))
def test_calls_in_numpys_names(graph, xs, want):
    assert np.array_equal(graph(*xs), want)


# What may be wrong: a change to the course's graph, and what the error says.
def without_op(g):
    g.add_edge("q", "h", 0)


MISTAKES = {
    "unknown operation": (lambda g: g.nodes["q"].update(op="ad"), "operation 'ad'; did you mean 'pad' or 'add'?"),
    "operation that is no name": (lambda g: g.nodes["q"].update(op=3), "'q': there is no operation 3; difflab.prim"),
    "no operation": (without_op, "'h': it has no op"),
    "no operation and no operand": (lambda g: g.add_edge("w", "q", 1), "'w': it has no op: give add_node('w', op='inp"),
    "position missing": (lambda g: g.add_edge("z", "q", 3), "'q': there is an operand 3, and none at position 2"),
    "position twice": (lambda g: g.add_edge("z", "q", 1), "'q': 2 operands stand at position 1: 'y', 'z'"),
    "position that is none": (lambda g: g.edges["x", "q", 0].update(position=-1), "the edge from 'x' has position -1"),
    "position too long": (lambda g: g.edges["x", "q", 0].update(position="9" * 5000), "edge from 'x' has position '9"),
    "position nan": (lambda g: g.edges["x", "q", 0].update(position=np.nan), "'q': the edge from 'x' has position nan"),
    "too few": (lambda g: g.remove_edge("q", "f"), "'f': there is an operand 1, and none at position 0"),
    "one operand": (lambda g: g.remove_edge("y", "q"), "'q': add takes 2 operands, and it has 1 ('x')"),
    "too many": (lambda g: g.nodes["q"].update(op="sin"), "'q': sin takes 1 operand, and it has 2 ('x', 'y')"),
    "none": (lambda g: g.remove_edges_from([("x", "q"), ("y", "q")]), "'q': add takes 2 operands, and it has 0 (none"),
    "cycle": (lambda g: g.add_edge("f", "q", 2), "its value would need itself: 'q' -> 'f' -> 'q'"),
    "loop": (lambda g: g.add_edge("f", "f", 2), "'f': its value would need itself: 'f' -> 'f'"),
    "name twice": (lambda g: g.nodes["q"].update(name="x"), "'q': its name 'x' is also that of node 'x'"),
    "name that is no text": (lambda g: g.nodes["q"].update(name=2), "'q': name=2 is of type int; a name is text"),
    "name that cannot be printed": (lambda g: g.nodes["q"].update(name="a\n"), "'q': name='a\\n' holds characters"),
    "name too long": (lambda g: g.nodes["q"].update(name="a" * 101), "is longer than 100 letters"),
    "input without a name": (lambda g: g.nodes["x"].update(name=""), "'x': an input needs a name"),
    "input by a key that is no name": (lambda g: g.add_node((1, 2), op="input"), "node (1, 2): an input needs a name"),
    "input with operands": (lambda g: g.nodes["q"].update(op="input"), "'q': op='input' takes no operands, and edges"),
    "input with a value": (lambda g: g.nodes["x"].update(value=3), "'x': op='input' has no value=; its value is given"),
    "constant without a value": (lambda g: g.nodes["x"].update(op="constant"), "'x': a constant's value is missing"),
    "constant of text": (lambda g: g.nodes["x"].update(op="constant", value="red"), "'x': a constant's value='red'"),
    "constant, ragged": (lambda g: g.nodes["x"].update(op="constant", value=[[1], 2]), "a constant's value=[[1], 2]"),
    "constant, masked": (lambda g: g.nodes["x"].update(op="constant", value=np.ma.array([1.0])), "is a masked array"),
    "constant, dtype": (lambda g: g.nodes["x"].update(op="constant", value=1, dtype="O"), "O is no dtype of numbers"),
    "parameter": (lambda g: g.nodes["q"].update(axis=0), "'q': add has no parameter 'axis'; it takes operands only"),
    "parameter misspelt": (lambda g: g.remove_edge("z", "f") or g.nodes["f"].update(op="sum", axsi=0), "mean axis?"),
    "parameters": (lambda g: g.nodes["q"].update(params=[1]), "'q': params=[1] is no dictionary"),
    "several results": (lambda g: g.remove_edge("y", "q") or g.nodes["q"].update(op="svd"), "'f': svd gives several"),
    "block": (lambda g: g.nodes["q"].update(block=3), "'q': block=3 is no name"),
    "outputs": (lambda g: g.graph.update(outputs=["q1"]), "outputs lists 'q1', which is no node of the graph; did"),
    "no outputs": (lambda g: g.graph.update(outputs=[]), "outputs is empty"),
    "output": (lambda g: g.nodes["f"].update(output="first"), "'f': output='first' is no place"),
    "empty": (lambda g: g.clear(), "the graph has no nodes"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "saying"), MISTAKES.values(), ids=list(MISTAKES))
def test_each_mistake_is_named(spoil, saying):
    g = course()
    spoil(g)
    with pytest.raises(dl.errors.InputError) as refused:
        dl.Graph.from_networkx(g)
    assert saying in str(refused.value)


def test_all_mistakes_are_told_together():
    g = course()
    g.nodes["q"]["op"], g.nodes["f"]["op"] = "ad", "mul"
    with pytest.raises(dl.errors.InputError, match=r"2 mistakes\n- node 'q'.*\n- node 'f'"):
        dl.Graph.from_networkx(g)


def test_a_digraph_has_one_edge_between_two_nodes():
    g = nx.DiGraph()
    g.add_node("x", op="input")
    g.add_node("f", op="multiply")
    g.add_edge("x", "f", position=0)
    with pytest.raises(dl.errors.InputError, match=r"it has 1 \('x'\); .*x \* x needs two edges.*MultiDiGraph"):
        dl.Graph.from_networkx(g)
    h = nx.MultiDiGraph(g)
    h.add_edge("x", "f")  # networkx gives it the key 1
    assert dl.Graph.from_networkx(h)(x=3.0) == 9.0


@pytest.mark.parametrize("g", [nx.Graph(course()), nx.MultiGraph(course()), {"x": []}, None, "x"], ids=type)
def test_what_is_no_directed_graph(g):
    with pytest.raises(dl.errors.InputError, match="undirected|no networkx graph"):
        dl.Graph.from_networkx(g)


def test_outputs_in_their_order_and_unused_inputs():
    g = course()
    g.add_node("u", op="input")
    g.add_node("k", op="negative", name="n")
    g.add_edge("q", "k")
    assert dl.Graph.from_networkx(g)(**AT, u=0.0) == (-12.0, -3.0)  # the ends that compute something
    g.graph["outputs"] = ["n", "q", "k"]
    assert dl.Graph.from_networkx(g)(**AT, u=0.0) == (-3.0, 3.0, -3.0)
    g.graph["outputs"] = "f"
    assert dl.Graph.from_networkx(g).forward(**AT, u=0.0).backward().gradient["u"] == 0.0


# A finished graph, networkx's functions, and files.
def test_a_finished_graph_refuses_every_mutator_of_networkx():
    g, plain = built(), course()
    for name in {n for n in dir(nx.MultiDiGraph) if n.split("_")[0] in ("add", "remove", "clear", "update")}:
        with pytest.raises(dl.errors.InputError, match=rf"{name}\(\): a finished graph does not change.*from_networkx"):
            getattr(g, name)(*[plain] * (name != "clear"))
    q, f = g.node("q"), g.node("f")
    changes = [
        lambda: g.nodes[f].update(op="subtract"),
        lambda: nx.set_node_attributes(g, "subtract", "op"),
        lambda: g.nodes[f].pop("op"),
        lambda: g.nodes[f].clear(),
        lambda: g.nodes[f].popitem(),
        lambda: g.nodes[f].setdefault("value", 3),
        lambda: g.nodes[f].__delitem__("op"),
        lambda: g.nodes[f].__ior__({"op": "sin"}),
        lambda: g.edges[q, f, 0].update(position=1),
        lambda: g.get_edge_data(q, f).clear(),
        lambda: g.get_edge_data(q, f).pop(0),
        lambda: g.get_edge_data(q, f).update({1: {}}),
        lambda: g.get_edge_data(q, f).__setitem__(1, {}),
        lambda: g.get_edge_data(q, f).__delitem__(0),
    ]
    for change in changes:
        with pytest.raises(dl.errors.InputError, match="a finished graph does not change"):
            change()
    assert nx.is_frozen(g) and len(g) == g.number_of_nodes() == g.order() == 5 and g.number_of_edges() == 4
    assert g(**AT) == -12.0 == g.copy()(**AT)
    g.nodes[f]["layer"] = 2  # what says nothing about the graph may be added, and taken away
    assert g.nodes[f].pop("layer") == 2


COPIES = {
    "copy": lambda g: g.copy(),
    "view": lambda g: g.copy(as_view=True),
    "subgraph": lambda g: g.subgraph(g.order),
    "edge subgraph": lambda g: g.edge_subgraph(g.edges(keys=True)),
    "compose": lambda g: nx.compose(g, g),
    "relabelled": lambda g: nx.relabel_nodes(g, {n: n.name for n in g}),
    "directed": lambda g: g.to_directed(),
    "pickled": lambda g: pickle.loads(pickle.dumps(g)),
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
    "frozen": lambda g: nx.freeze(g.copy()),
    "of a view": lambda g: pickle.loads(pickle.dumps(g.subgraph(g.order))),
    "draft, deeply": lambda g: copy.deepcopy(g.copy()),
    "plain": lambda g: dl.Graph(nx.MultiDiGraph(g)),
    "one edge each": lambda g: dl.Graph(nx.DiGraph(g)),
    "reversed twice": lambda g: g.reverse().reverse(),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=list(COPIES))
def test_copies_compute_the_same(copied):
    g = built()
    again = copied(g)
    assert again is not g and again(**AT) == -12.0 and len(again) == again.number_of_nodes() == 5
    assert again.forward(**AT).backward().gradient == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert dl.compare(again, AT).agree and again._repr_svg_() and "q" in again.to_graphviz().source


NO_GRAPHS = {
    "part": (lambda g: g.subgraph(g.order[2:]), "'q': add takes 2 operands, and it has 0"),
    "reversed": (lambda g: g.reverse(), "'z': op='input' takes no operands, and edges come from 'f'"),
    "closure": (nx.transitive_closure, "'f': 3 operands stand at position 0: 'q', 'x', 'y'"),
    "two of a name": (lambda g: nx.compose(g, dl.parse("x * y")), "'x': its name 'x' is also that of node 'x'"),
    "empty": (lambda g: type(g)(), "the graph has no nodes"),
}


@pytest.mark.parametrize(("made", "saying"), NO_GRAPHS.values(), ids=list(NO_GRAPHS))
def test_what_is_no_graph_says_why(made, saying):
    draft = made(built())
    for use in (
        lambda: draft(**AT),
        lambda: draft.forward(**AT),
        lambda: dl.Graph(draft),
        lambda: dl.compare(draft, AT),
    ):
        with pytest.raises(dl.errors.InputError) as refused:
            use()
        assert saying in str(refused.value)


def test_a_draft_can_be_changed_and_finished():
    g = built()
    h = g.copy()
    h.add_node("g", op="sin")
    h.add_edge(g.node("f"), "g")
    h.nodes[g.node("q")]["op"] = "subtract"
    assert h(**AT) == np.sin(28.0) and g(**AT) == -12.0
    assert h.finish().node("g").primitive.name == "sin"


def test_outputs_that_are_no_ends_stay_outputs():
    g = dl.trace(lambda x, y: (x * y, [y, x, x * y], np.sin(x)), 2.0, 3.0)
    first, (a, b, c), last = g(5.0, 7.0)
    for again in (g.copy(), g.subgraph(g.order), dl.Graph(g.to_networkx())):
        assert again(x=5.0, y=7.0) == (first, a, b, c, last)


def test_a_graph_that_holds_functions_says_so():
    g = dl.trace(lambda x: dl.label(dl.scan(lambda c, v: (c * v, c), 1.0, x)[0], "h"), np.array([2.0, 3.0]))
    with pytest.raises(dl.errors.UnsupportedError, match=r"pickle: a node \(scan\) runs functions of this process"):
        pickle.dumps(g)
    with pytest.raises(dl.errors.UnsupportedError, match=r"to_networkx: a node \(scan\) runs Python functions"):
        g.to_networkx()
    assert g.copy()(x=np.array([5.0, 7.0])) == 35.0 == copy.deepcopy(g)(np.array([5.0, 7.0]))


FILES = ("graphml", "gexf", "gml", "json")
TEXTS = [
    "q = x + y; f = q * z",
    "f = x*x*z + pi*y; sum(stack([x, y, z])) * f / 3",
    "where(x > 0, x, -x) * softmax(stack([y, z, 1/3]))[1]",
    "sum(reshape([x, y, z, 2], (2, 2)), axis=1)[0] + 1e-300 + 123456789012345678",
    "norm([x, y]) + mean([[1, x], [y, z]], axis=0) @ [1, 2.5] + clip(x, -1, z)",
    "linspace(x, y, 5)[2:4] @ [1, 2] + det([[x, y], [z, 1]])",
]


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("text", TEXTS)
def test_graphs_survive_files(tmp_path, text, form):
    g = dl.parse(text)
    want, path = g.forward(**AT), tmp_path / f"graph.{form}"
    h = g.to_networkx()
    if form == "json":
        path.write_text(json.dumps(nx.node_link_data(h), allow_nan=False))
        back = nx.node_link_graph(json.loads(path.read_text()))
    else:
        getattr(nx, f"write_{form}")(h, path)
        back = getattr(nx, f"read_{form}")(path)
    again = dl.Graph.from_networkx(back)
    assert again(**AT) == g(**AT) and [n.name for n in again.inputs] == [n.name for n in g.inputs]
    assert again.forward(**AT).backward().gradient == want.backward().gradient


def test_files_keep_dtypes_blocks_and_special_numbers(tmp_path):
    @dl.block
    def layer(x):
        return x * np.float32([1, -0.0, np.inf]) + np.array([np.nan, 1, 2])[1:2]

    g = dl.trace(lambda x: layer(layer(x)).astype(np.float32)[::-1], np.ones(3))
    nx.write_graphml(g.to_networkx(), tmp_path / "g.graphml")
    again = dl.Graph.from_networkx(nx.read_graphml(tmp_path / "g.graphml"))
    x = np.array([1.0, 2.0, -3.0])
    assert again(x).dtype == np.float32 and again(x).tobytes() == g(x).tobytes()
    assert [b.path for b in again.blocks] == [("layer",), ("layer",)]
    dtypes = [[n.dtype for n in h.order if n.primitive.name == "constant"] for h in (g, again)]
    assert dtypes[0] == dtypes[1] and np.dtype(np.float32) in dtypes[0]


def test_pickle_keeps_guards_names_and_blocks():
    with dl.block("b"):
        g = dl.trace(lambda x: dl.label(2 * x, "d") if x > 0 else x, 3.0)
    again = pickle.loads(pickle.dumps(g))
    assert [(n.primitive.name, outcome) for n, outcome in again.guards] == [("greater", True)]
    assert again.node("d").block.path == ("b",) and again.guards[0][0] in again.order


EVIL = ["__import__('os').system('true')", "(" * 500, "[" * 5000, "9" * 5000, "exact('1/0')", "array([1], 'O')", "a.b",
        "slice()", "1" + "+1" * 5000, "lambda: 0", "exact('1e99999')", "array([1], 'float64', 9)", ""]  # fmt: skip


@pytest.mark.parametrize("text", EVIL, ids=lambda t: t[:30])
def test_nothing_in_a_file_is_evaluated(text):
    g = course()
    g.nodes["x"].update(op="constant", value=text)
    with pytest.raises(dl.errors.InputError, match="a constant's value"):
        dl.Graph.from_networkx(g)


def test_to_graphviz_is_a_digraph_to_go_on_with():
    import graphviz

    g = built()
    for thing in (g, g.forward(**AT), g.forward(**AT).backward()):
        picture = thing.to_graphviz(direction="down", title="f")
        assert type(picture) is graphviz.Digraph and "rankdir=TB" in picture.source
        picture.node("mine")
        picture.edge("n3", "mine")
        assert "n3 -> mine" in picture.source
    with pytest.raises(dl.errors.InputError, match="view='no'"):
        g.to_graphviz(view="no")


# The builder.
def refused_of_builder():
    b, other = dl.builder(), dl.builder()
    x, far = b.input("x"), other.input("y")
    v = b.input("v", shape=(3,))
    done = dl.builder()
    old = done.input("o")
    done.graph(f=old * 2)
    inside = dl.errors.TraceError
    return {
        "if": (lambda: 1 if x > 0 else 2, inside, "has no value while a graph is built.*np.where"),
        "if of a known shape": (lambda: bool(v[0] > 0), inside, "has no value while"),
        "while": (lambda: max(x, 1), inside, "np.maximum"),
        "int": (lambda: int(x), inside, "has no value while"),
        "count": (lambda: range(b.input("k", shape=(), dtype=int)), inside, "has no value while"),
        "float": (lambda: float(x), inside, r"float\(\) of a traced value"),
        "shape": (lambda: x.shape, inside, r"shape asks for it.*b.input\('x', shape=\(3,\)\)"),
        "len": (lambda: len(x), inside, "shape of this value is not known"),
        "loop": (lambda: list(x), inside, "shape of this value is not known"),
        "loop that follows values": (
            lambda: dl.while_loop(lambda c: c < 9, lambda c: 2 * c, v[0]), inside, "there are none while.*dl.scan"
        ),
        "several results": (lambda: np.split(x, 3) * 2, inside, "split gives several results: take one"),
        "in place": (lambda: x.__iadd__(1), inside, "write x = x \\+ y"),
        "another builder's": (lambda: x + far, dl.errors.InputError, "add: .*'[xy]'.* belongs to another builder"),
        "another builder's in a call": (lambda: np.stack([x, far]), dl.errors.InputError, "another builder"),
        "another builder's output": (lambda: b.graph(f=far), dl.errors.InputError, "output 'f': .*another builder"),
        "another builder's name": (lambda: b.add("far", far), dl.errors.InputError, "add: 'far': .*another builder"),
        "of a finished graph": (lambda: x + old, dl.DifflabError, "add: .*'o'.* that it belongs to is finished"),
        "old": (lambda: old + 1, dl.errors.EscapedTracerError, "the graph that it belongs to is finished"),
        "twice": (lambda: done.graph(old), dl.errors.InputError, "its graph has been made, and a builder makes one"),
        "later": (lambda: done.input("z"), dl.errors.InputError, "its graph has been made"),
        "traced": (lambda: dl.grad(lambda t: b.add("t", t * x))(1.0), dl.DifflabError, "not known|traced value"),
        "name twice": (lambda: b.input("x"), dl.errors.InputError, "the name 'x' is taken, by <Node input 'x'"),
        "name twice at once": (lambda: b.inputs("a", "a"), dl.errors.InputError, "'a' is given twice"),
        "no name": (lambda: b.input(""), dl.errors.InputError, "name='' is empty"),
        "name that is no text": (lambda: b.add(3, x), dl.errors.InputError, "name=3 is of type int; a name is text"),
        "no outputs": (lambda: b.graph(), dl.errors.InputError, "without outputs"),
        "output that is a number": (lambda: b.graph(f=2.0), dl.errors.InputError, "output 'f' is 2.0, which is no"),
        "output that is a list": (lambda: b.graph([x]), dl.errors.InputError, "output 0 is .*give one value"),
        "text as a constant": (lambda: b.constant("c", "red"), dl.DifflabError, "'c'"),
        "a value as a constant": (lambda: b.constant("c", x), dl.errors.InputError, "is no number"),
        "shape that is none": (lambda: b.input("s", shape=(-1,)), dl.errors.InputError, "'s' of shape \\(-1,\\)"),
        "dtype that is none": (lambda: b.input("s", shape=(), dtype="U3"), dl.errors.InputError, "no dtype of numbers"),
        "shapes that do not fit": (lambda: v + np.ones(2), dl.errors.ShapeError, "of v and "),
        "function of NumPy's": (lambda: b.tanh, AttributeError, "np.tanh works on its values"),
        "misspelt": (lambda: b.imput, AttributeError, "did you mean input"),
    }  # fmt: skip


@pytest.mark.parametrize("what", list(refused_of_builder()))
def test_the_builder_refuses(what):
    run, kind, saying = refused_of_builder()[what]
    with pytest.raises(kind, match=saying):
        run()


def test_the_builder_names_and_keeps():
    b = dl.builder()
    x, c = b.input("x"), b.constant("c", [1.0, 2.0])
    same_as_x = b.add("again", x)
    with dl.block("layer"):
        y = b.add("y", np.tanh(x) * c)
    g = b.graph(same_as_x, y=y, z=y)
    again, ys, z = g(0.5)
    assert again == 0.5 and np.array_equal(ys, np.tanh(0.5) * np.array([1.0, 2.0])) and np.array_equal(z, ys)
    assert {n.name for n in g.order} - {None} == {"x", "c", "again", "y", "z"}
    assert g.node("y").block.path == ("layer",) and repr(b) == "<Builder, its graph is built>"
    assert g.node("again").primitive.name == g.node("z").primitive.name == "positive"


def test_the_builder_knows_shapes_and_takes_control_flow_and_layers():
    b = dl.builder()
    v, k = b.input("v", shape=(3,)), b.input("k", shape=(2,), dtype=int)
    total, steps = dl.scan(lambda c, e: (c + e, c * e), 0.0, v)
    assert steps.shape == (3,) and v[k].shape == (2,) and len(v) == 3
    mean = dl.cond(v[0] > 0, lambda e: e.mean(), lambda e: -e.mean(), v)
    sign, logabs = np.linalg.slogdet(np.outer(v, v) + np.eye(3))
    g = b.graph(total=total + mean + sign * logabs, picked=v[k])
    x = np.array([-1.0, 2.0, 5.0])
    value, picked = g(x, np.array([2, 0]))
    assert value == pytest.approx(6 - 2 + np.log(31)) and picked.tolist() == [5.0, -1.0]
    slope = dl.grad(lambda v: g(v, np.array([2, 0]))[0])(x)
    assert slope == pytest.approx(1 - 1 / 3 + 2 * x / 31)
    b = dl.builder()
    A = b.input("A")
    _, logabs = np.linalg.slogdet(A)
    assert b.graph(np.linalg.eigh(A).eigenvalues[0] + logabs)(np.diag([2.0, 3.0])) == pytest.approx(2 + np.log(6))


def test_gradients_inside_a_builder():
    b = dl.builder()
    x = b.input("x", shape=())
    g = b.graph(slope=dl.grad(lambda t: np.sin(t) * t)(x))
    assert g(2.0) == dl.grad(lambda t: np.sin(t) * t)(2.0)
    assert dl.grad(g)(2.0) == pytest.approx(2 * np.cos(2.0) - 2 * np.sin(2.0))


def test_a_graph_built_for_a_shape_takes_no_other():
    b = dl.builder()
    x = b.input("x", shape=(3,))
    g = b.graph(mean=np.sum(x) / len(x))
    for one in (g, copy.copy(g), pickle.loads(pickle.dumps(g))):
        assert one(x=[1.0, 2.0, 6.0]) == 3.0
        for call in (one, one.forward, lambda x, one=one: dl.compare(one, {"x": x})):
            with pytest.raises(dl.errors.ShapeError, match=r"x has shape \(4,\), and the graph was built for \(3,\)"):
                call(x=np.ones(4))
    assert dl.vmap(g)(np.ones((5, 3))).tolist() == [1.0] * 5
    b = dl.builder()
    assert b.graph(g(b.input("y")))(y=[1.0, 2.0, 6.0]) == 3.0


@pytest.mark.parametrize("way", ["networkx", "operand", "constant", "setting"])
def test_arrays_that_change_later_change_no_graph(way):
    w = np.array([1.0, 2.0])
    if way == "networkx":
        h = nx.DiGraph()
        h.add_node("x", op="input")
        h.add_node("c", op="constant", value=w)
        h.add_node("f", op="*")
        h.add_edge("x", "f", position=0)
        h.add_edge("c", "f", position=1)
        g = dl.Graph.from_networkx(h)
    else:
        b = dl.builder()
        x = b.input("x")
        c = b.constant("c", w) if way == "constant" else w
        g = b.graph(np.clip(x, w, w) if way == "setting" else x * c)
    w[:] = 100.0
    assert g(x=1.0).tolist() == [1.0, 2.0]
    for node in [n for n in g if n.primitive.name == "constant"]:
        with pytest.raises(ValueError, match="read-only"):
            g.copy().nodes[node]["value"][0] = 5.0


def test_a_buffer_that_is_filled_again_and_again():
    b = dl.builder()
    x, w, y = b.input("x", shape=(2,)), np.zeros(2), 0.0
    for k in (1.0, 2.0):
        w[:] = k
        y = y + np.sum(x * w)
    assert b.graph(y)(x=np.ones(2)) == 6.0


@pytest.mark.parametrize(
    "f",
    [lambda x: np.einsum("ij,kj->ik", x, x), lambda x: np.einsum("ij,jk", x, x), lambda x: np.gradient(x, 0.5, axis=0)],
)
def test_files_of_calls_with_settings_before_operands(f):
    b = dl.builder()
    g = b.graph(f(b.input("x")))
    text = json.dumps(nx.node_link_data(g.to_networkx()))
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    assert np.array_equal(dl.Graph.from_networkx(nx.node_link_graph(json.loads(text)))(x=x), f(x))


@pytest.mark.parametrize(
    ("value", "dtype", "said"),
    [
        (300, "uint8", "out of bounds for uint8"),
        (3.7, "int64", "no int64"),
        ([1.0, 2.5], "int64", "no int64"),
        (2, "bool", "no bool"),
    ],
)
def test_a_constant_fits_its_dtype(value, dtype, said):
    h = nx.DiGraph()
    h.add_node("c", op="constant", value=value, dtype=dtype)
    with pytest.raises(dl.errors.InputError, match=f"node 'c'.*{said}"):
        dl.Graph.from_networkx(h)


def test_an_index_is_asked_for():
    h = nx.DiGraph()
    h.add_node("x", op="input")
    h.add_node("f", op="getitem")
    h.add_edge("x", "f")
    with pytest.raises(dl.errors.InputError, match="node 'f': getitem"):
        dl.Graph.from_networkx(h)


def test_a_long_cycle_is_told_in_short():
    h = nx.DiGraph()
    h.add_nodes_from(range(1000), op="sin")
    h.add_edges_from([(k, (k + 1) % 1000) for k in range(1000)])
    with pytest.raises(
        dl.errors.InputError, match=r"^.{,120}-> 7 -> \.\.\. 992 more -> 0; a computational graph has no cycle$"
    ):
        dl.Graph.from_networkx(h)


def test_a_parameter_is_given_once():
    h = nx.DiGraph()
    h.add_node("x", op="input")
    h.add_node("f", op="sum", axis=1, params={"axis": 0})
    h.add_edge("x", "f")
    with pytest.raises(dl.errors.InputError, match="node 'f': params= and the node's attributes both give axis"):
        dl.Graph.from_networkx(h)
