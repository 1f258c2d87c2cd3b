"""What every method is given: a graph at a point, the inputs' names and the way back to the user's structure."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DifflabError, DomainError, DtypeError, InputError, ShapeError, TraceError
from ..graph.graph import Draft, Graph
from ..graph.kinds import check_fit
from ..graph.node import Node
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten
from ..graph.refusals import moderate, shapes_refused
from ..graph.trace import argument_names, trace
from ..graph.traced import Traced, holds_traced
from ..graph.vertices import strip
from ..primitives import Carrier, rows
from ..types import Function, Tree, Value

LONGEST = 1e6  # seconds; clocks and timeouts cannot take any number


@dataclass
class Problem:
    """A scalar function at a point.

    `graph` is typed (traced at the point), `function` takes the flat list of input values and follows the user's own
    code, `names` and `values` are the inputs, `wrt` the names to differentiate by.
    """

    graph: Graph
    function: Callable[[list[Value]], Value]
    names: list[str]
    values: list[Value]
    wrt: list[str]
    rebuild: Callable[[dict[str, Value]], Value]
    text: str | None = None
    notes: list[str] = field(default_factory=list)
    traced: bool = False  # from a function that was recorded, rather than from text, sympy or a graph
    seconds: float = 0.0  # what recording the function took

    @property
    def places(self) -> list[int]:
        """The positions of the inputs to differentiate by."""
        return [self.names.index(n) for n in self.wrt]

    @property
    def size(self) -> int:
        """The number of single partial derivatives."""
        return sum(Carrier.size(self.values[k]) for k in self.places)

    @property
    def value(self) -> Value:
        with np.errstate(all="ignore"):
            return self.graph.evaluate(list(self.values))[self.graph.outputs[0]]


def as_problem(function: Any, at: Tree, wrt: str | Iterable[str] | None = None) -> Problem:
    """A problem from text, a sympy expression, a graph or a function, and a point.

    `at` is a dict of names for text, expressions and graphs; for a function a dict of its argument names, or one
    value (array, number, nested container), or a tuple of positional arguments.
    """
    start = time.perf_counter()
    problem = _read(function, at, wrt)
    problem.seconds = time.perf_counter() - start
    return problem


def _read(function: Any, at: Tree, wrt: str | Iterable[str] | None) -> Problem:
    if isinstance(function, str):
        from ..graph.parse import parse

        return _graph_problem(parse(function), at, wrt, function)
    if isinstance(function, Draft):
        function = function.finish()
    if isinstance(function, Graph):
        return _graph_problem(function, at, wrt, function.text)
    if type(function).__module__.partition(".")[0] == "sympy":
        from ..graph.assumptions import contradicted
        from ..graph.sympy_io import from_sympy

        problem = _graph_problem(from_sympy(function), at, wrt, str(function))
        told = contradicted(function, dict(zip(problem.names, problem.values)))
        if told:
            raise InputError(
                f"the point gives {told}, and sympy simplifies by what is assumed; declare the symbol without it"
            )
        return problem
    if callable(function):
        return _function_problem(function, at, wrt)
    hint = "; dl.Graph.from_networkx(g) makes a graph of it" if hasattr(function, "is_multigraph") else ""
    raise InputError(f"the function is {function!r}: give text, a function, a graph or a sympy expression{hint}")


def _graph_problem(graph: Graph, at: Tree, wrt: str | Iterable[str] | None, text: str | None) -> Problem:
    names = [str(n.name) for n in graph.inputs]
    if not isinstance(at, dict):
        raise InputError(f"the point is {at!r}: give one value for each of {', '.join(names) or 'no names'}, as a dict")
    at = {str(n.name): value for n, value in graph.defaults.items()} | {str(k): v for k, v in at.items()}
    missing, extra = [n for n in names if n not in at], [k for k in at if k not in names]
    if missing:
        raise InputError(f"the point gives no value for {', '.join(missing)}; the names are {', '.join(names)}")
    if extra:
        raise InputError(f"the point gives {', '.join(extra)}; the function has {', '.join(names) or 'no inputs'}")
    values = graph.fitting([point(at[n], n) for n in names])
    try:
        with np.errstate(all="ignore"):
            typed = trace(_named(graph), *values)
    except DifflabError:
        raise
    except (ValueError, IndexError, TypeError) as error:  # shapes that NumPy refuses
        raise ShapeError(f"the expression cannot be computed at this point: {error}") from None
    for node, name in zip(typed.inputs, names):
        node.name = name
    if graph.outputs[0].name and typed.outputs[0].name is None:
        typed.outputs[0].name = graph.outputs[0].name
    return _checked(typed, lambda xs: graph(*xs), names, values, wrt, dict, text, [])


def _named(graph: Graph) -> Function:
    """The graph as a function whose run gives the recorded nodes the graph's names.

    What a text computes from constants alone, such as sqrt(2), is recorded too: methods with exact numbers then see
    sqrt(2), where the double nearest to it would have another derivative.
    """

    def run(*xs: Value) -> Value:
        for vertex, made in zip(graph.inputs, xs):  # at once, so that errors say the names
            if made.__class__ is Traced:
                made.name = vertex.name
        tape = next((x.tape for x in xs if x.__class__ is Traced), None)
        env = dict(zip(graph.inputs, xs))
        for vertex in graph.order:
            if vertex not in env:
                operands = [env[x] for x in vertex.operands]
                env[vertex] = made = _computed(vertex, operands, tape)
                if graph.text:
                    moderate(vertex.primitive, operands, made)
                if vertex.name and made.__class__ is Traced and made.name is None:
                    made.name = vertex.name
        return env[graph.outputs[0]]

    return run


def _computed(vertex: Node, operands: list[Value], tape: Value) -> Value:
    """The value of a vertex on traced operands; of constants alone, a value of the tape."""
    function = NODE.of(vertex.primitive)
    try:
        if not operands or tape is None or holds_traced(operands):
            return function(*operands, **vertex.params)
        value = operands[0]
        plain = value if isinstance(value, np.ndarray | np.generic) else np.asarray(value)[()]
        first = tape.record(rows.constant, (), {"value": value}, plain)
        return function(first, *operands[1:], **vertex.params)
    except TraceError:  # a parameter is read as a number: there its double must do
        return function(*[strip(x) if _constant(x) else x for x in operands], **vertex.params)
    except ValueError as error:
        raise shapes_refused(vertex.primitive, operands, error) from error.__cause__


def _constant(x: Value) -> bool:
    """Whether a traced value comes from constants alone."""
    stack = [x]
    while stack:
        node = stack.pop()
        if node.__class__ is Traced:
            if node.primitive is rows.input:
                return False
            stack.extend(node.operands)
    return True


def _function_problem(f: Function, at: Tree, wrt: str | Iterable[str] | None) -> Problem:
    call: Callable[[list[Value]], Value]
    back: Callable[[list[Value]], Value]
    if isinstance(at, dict) and set(at) <= set(
        argument_names(f, f.__code__.co_argcount if hasattr(f, "__code__") else 0)
    ):
        arguments, keys = list(at.values()), list(at)
        call = lambda xs: f(**dict(zip(keys, xs)))
        back = lambda found: dict(zip(keys, found))
    elif isinstance(at, tuple) and not hasattr(at, "_fields"):
        arguments, keys = list(at), argument_names(f, len(at))
        call, back = (lambda xs: f(*xs)), tuple
    else:
        arguments, keys = [at], argument_names(f, 1)
        call, back = (lambda xs: f(*xs)), (lambda found: found[0])
    names, values, trees = [], [], []
    for key, argument in zip(keys, arguments):
        from ..graph.pytree import paths

        leaves, rebuild = flatten(argument)
        suffixes = [""] if len(leaves) == 1 and leaves[0] is argument else paths(argument)
        names += [key + s for s in suffixes]
        values += [point(x, key + s) for x, s in zip(leaves, suffixes)]
        trees.append((len(leaves), rebuild))

    def spread(xs: list[Value]) -> list[Value]:
        out, start = [], 0
        for count, rebuild in trees:
            out.append(rebuild(list(xs[start : start + count])))
            start += count
        return out

    try:
        with np.errstate(all="ignore"):
            graph = trace(lambda *xs: call(spread(list(xs))), *values)
    except np.linalg.LinAlgError as error:
        raise DomainError(f"the function cannot be computed at this point: {error}") from error
    except (TypeError, AttributeError) as error:
        if isinstance(at, dict) and keys != list(at):  # no name fitted, so the dict was the argument
            raise InputError(
                f"the point names {', '.join(map(str, at))}, the function's arguments are "
                f"{', '.join(argument_names(f, 9)[: f.__code__.co_argcount] if hasattr(f, '__code__') else keys)}; "
                f"taken as its one argument, the dict failed: {error}"
            ) from error
        by_name = isinstance(at, dict) and keys == list(at)
        check_call(f, "the function", () if by_name else tuple(arguments), at if by_name else {})
        raise
    for node, name in zip(graph.inputs, names):
        node.name = name
    structure = lambda gradient: back(spread([gradient[n] for n in names]))
    problem = _checked(graph, lambda xs: call(spread(xs)), names, values, wrt, structure, None, [])
    problem.traced = True
    return problem


def check_call(f: Any, what: str, given: tuple[Tree, ...], named: dict[str, Tree] | None = None) -> None:
    """Refuses a point that has fewer or more values than a function takes, and what is no function."""
    try:
        inspect.signature(f).bind(*given, **(named or {}))
    except ValueError:  # a built-in function without a signature
        return
    except TypeError as error:
        takes = f"{what} takes {', '.join(inspect.signature(f).parameters) or 'nothing'}" if callable(f) else ""
        raise InputError(
            f"the point does not fit: {error}; {takes}" if takes else f"{what} is {f!r}: {error}"
        ) from None


def point(x: Value, name: str) -> Value:
    """One input value: a finite real number or a non-empty real array of them."""
    x = real(x, name)
    if not np.all(np.isfinite(x)):
        bad = np.asarray(x)[~np.isfinite(x)][0]
        raise InputError(f"{name} holds {bad}: a derivative is taken at finite numbers")
    return x


def real(x: Value, name: str) -> Value:
    """One input value as a float64 number or a float array."""
    check_fit(x, name)
    if isinstance(x, bool | np.bool_):
        raise DtypeError(f"{name}={x!r} is a truth value; give a number")
    if isinstance(x, list):
        try:
            x = np.array(x, dtype=float)
        except (ValueError, TypeError):
            raise ShapeError(f"{name}={x!r} is not an array of numbers: its rows differ in length or kind") from None
    if isinstance(x, int | float):
        try:
            value = np.float64(x)
        except OverflowError:
            raise InputError(f"{name} is an integer too large for a float") from None
        if isinstance(x, int) and int(value) != x:
            raise InputError(
                f"{name}={x} is an integer that no float holds; the nearest is {float(value)!r}: give that"
            )
        return value
    if not isinstance(x, np.ndarray | np.generic):
        raise DtypeError(f"{name}={x!r} of type {type(x).__name__} is not a number or an array of numbers")
    if x.dtype.kind in "biu":
        raise DtypeError(f"{name} is an array of dtype {x.dtype}; a derivative needs floats: {name}.astype(float)")
    if x.dtype.kind != "f":
        raise DtypeError(f"{name} has dtype {x.dtype}; only real floats can be compared")
    if x.size == 0:
        raise ShapeError(f"{name} is an empty array of shape {x.shape}; there is nothing to differentiate by")
    return x if isinstance(x, np.ndarray) and x.ndim else np.asarray(x)[()]


def _checked(
    graph: Graph,
    function: Any,
    names: list[str],
    values: list[Value],
    wrt: str | Iterable[str] | None,
    rebuild: Value,
    text: str | None,
    notes: Value,
) -> Problem:
    if len(graph.outputs) != 1:
        raise ShapeError(f"the function has {len(graph.outputs)} outputs; a gradient needs one")
    output = graph.outputs[0]
    if output.shape != ():
        raise ShapeError(
            f"the output has shape {output.shape}, a gradient needs a scalar; take np.sum of it or one "
            "entry, or use dl.jacobian"
        )
    if output.dtype is not None and output.dtype.kind not in "biufc":
        raise DtypeError(f"the function returned {output.params.get('value')!r}; a gradient needs a number")
    if output.dtype.kind == "c":
        raise DtypeError("the output is complex, a gradient needs a real number")
    if not isinstance(wrt, str | tuple | list | set | dict | None):
        raise InputError(f"wrt={wrt!r}: give the name of an input, or a list of names; they are {', '.join(names)}")
    wanted = names if wrt is None else [wrt] if isinstance(wrt, str) else list(wrt)
    unknown = [n for n in wanted if n not in names]
    if unknown:
        given = ", ".join(n or repr(n) for n in unknown)
        raise InputError(f"wrt={given}: there is no such input; the inputs are {', '.join(names)}")
    if not names:
        notes = [*notes, "the function has no inputs: there is nothing to differentiate by"]
    used = set(output_ancestors(graph))
    notes = notes + [
        f"the function does not depend on {n.name}: its derivative is 0"
        for n in graph.inputs
        if n not in used and not any(str(n.name) in note for note in notes)
    ]
    return Problem(graph, function, names, values, wanted, rebuild, text, notes)


def time_limit(seconds: Value) -> float:
    """A number of seconds that a method may take; endless is a long time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | np.number) or not seconds > 0:
        raise InputError(f"seconds={seconds!r}: give a positive number of seconds")
    return min(float(seconds), LONGEST)


def output_ancestors(graph: Graph, also: Iterable[Value] = ()) -> set[Value]:
    """The nodes that the outputs, and other nodes, depend on, themselves included."""
    found = {*graph.outputs, *also}
    for node in reversed(graph.order):
        if node in found:
            found.update(node.operands)
    return found
