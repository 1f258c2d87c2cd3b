"""Gradients, Jacobians and products with them, by autograd's names and in its signatures."""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..differentiate.jacobians import for_units
from ..differentiate.transform import Recording, describe, separate, zeros
from ..errors import DtypeError, InputError, ShapeError
from ..graph.laxity import floats
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten
from ..primitives import Carrier
from ..types import Function, Tree, Value
from .core import make_jvp as _make_jvp, make_vjp as _make_vjp, vspace as vspace
from .extend import (
    defjvp_argnums,
    defvjp_argnum as defvjp_argnum,
    defvjp_argnums,
    primitive as primitive,
)
from .records import pulled, recorded
from .wrap_util import chosen, unary_to_nary as unary_to_nary


class NotScalarError(ShapeError, TypeError):
    """A gradient is asked for of several outputs, a complex one or a truth value; autograd raises a TypeError."""


make_vjp: Function = unary_to_nary(_make_vjp)
make_jvp: Function = unary_to_nary(_make_jvp)


def scalar(name: str, record: Recording) -> Value:
    """The one real number that a gradient needs, in an array of any shape."""
    if len(record.outputs) != 1:
        raise NotScalarError(f"{name}: the function returned {len(record.outputs)} values, a gradient needs one number")
    y = record.tape.value_of(record.outputs[0])
    if isinstance(y, bool | np.bool_):
        raise NotScalarError(f"{name}: the function returned a truth value, which has no gradient; return a number")
    y = floats(y)
    if not hasattr(y, "dtype"):
        if not isinstance(y, float | complex):
            raise InputError(f"{name}: the function returned {describe(y)}; a gradient needs a number")
        y = np.asarray(y)[()]
    if Carrier.size(y) != 1 or y.dtype.kind == "c":
        mend = "holomorphic_grad is for complex outputs" if y.dtype.kind == "c" else "use jacobian or elementwise_grad"
        raise NotScalarError(f"{name}: the output has shape {y.shape} and dtype {y.dtype}, not one real number; {mend}")
    return y


def _swept(name: str, fun: Function, x: Tree) -> tuple[Value, Tree]:
    record = recorded(name, fun, x)
    y = scalar(name, record)
    return y, pulled(record, [np.ones(y.shape, y.dtype)[()]], once=True)


@unary_to_nary
def grad(fun: Function, x: Tree) -> Tree:
    """A function that returns the gradient of `fun` by its argument `argnum`: the output is one real number.

    >>> grad(lambda x, y: x * y, [0, 1])(2.0, 3.0)
    (np.float64(3.0), np.float64(2.0))
    """
    return _swept("grad", fun, x)[1]


@unary_to_nary
def value_and_grad(fun: Function, x: Tree) -> tuple[Value, Tree]:
    """A function that returns the value of `fun` and its gradient.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """
    return _swept("value_and_grad", fun, x)


@unary_to_nary
def grad_and_aux(fun: Function, x: Tree) -> tuple[Tree, Value]:
    """A function that returns the gradient of the first of `fun`'s two results, and the second.

    >>> grad_and_aux(lambda x: (x**2, "note"))(3.0)
    (np.float64(6.0), 'note')
    """
    aux: list[Value] = []

    def first(x: Tree) -> Value:
        result, other = fun(x)
        aux.append(other)
        return result

    record = recorded("grad_and_aux", first, x)
    y = scalar("grad_and_aux", record)
    leaves, rebuild = flatten(aux[0])
    return pulled(record, [np.ones(y.shape)[()]], once=True), rebuild([record.tape.value_of(e) for e in leaves])


@unary_to_nary
def elementwise_grad(fun: Function, x: Tree) -> Tree:
    """A function that returns the gradient of the sum of `fun`'s outputs: the derivative of each element alone, where
    each output depends on one input.

    >>> elementwise_grad(np.square)(np.array([1.0, 3.0]))
    array([2., 6.])
    """
    record = recorded("elementwise_grad", fun, x)
    values = [record.tape.value_of(y) for y in record.outputs]
    if any(Carrier.is_complex(y) for y in values):
        raise DtypeError("elementwise_grad: the output is complex; it is for real ones")
    return pulled(record, [np.ones(Carrier.shape(y), _float(y))[()] for y in values], once=True)


def _float(y: Value) -> Any:
    dtype = Carrier.dtype(y)
    return dtype if dtype.kind in "fc" else float


@unary_to_nary
def deriv(fun: Function, x: Tree) -> Tree:
    """A function that returns the derivative along ones, by forward mode.

    >>> deriv(np.square)(3.0)
    np.float64(6.0)
    """
    return _make_jvp(fun, x)(vspace(x).ones())[1]


@unary_to_nary
def holomorphic_grad(fun: Function, x: Tree) -> Tree:
    """A function that returns the complex derivative of a holomorphic function.

    >>> holomorphic_grad(np.square)(1 + 1j)
    np.complex128(2+2j)
    """
    if not vspace(x).iscomplex:
        warnings.warn("holomorphic_grad: the argument is not complex", stacklevel=3)
    return _swept("holomorphic_grad", lambda x: np.real(fun(x)), x)[1]


@unary_to_nary
def jacobian(fun: Function, x: Tree) -> Value:
    """A function that returns the derivative of each output element by each input element: of shape output + input.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    """
    record = recorded("jacobian", fun, x)
    values = [record.tape.value_of(y) for y in record.outputs]
    inputs = [i.value for i in record.inputs]
    rows = []
    for k, y in enumerate(values):

        def pull(unit: Value, k: int = k) -> tuple[Value, ...]:
            return tuple(record.pull([unit if j == k else zeros(v) for j, v in enumerate(values)]))

        found = _units(record, pull, y)
        shaped = [NODE.reshape(r, shape=(*Carrier.shape(y), *Carrier.shape(i))) for r, i in zip(found, inputs)]
        rows.append(record.unflatten_inputs(separate(shaped, []))[0])
    return record.rebuild_output(rows)


def _units(record: Recording, pull: Function, y: Value) -> list[Value]:
    """The pullbacks of all unit arrays: as one batch, but one by one where a user's rule may not take a batch."""
    size, shape = Carrier.size(y), Carrier.shape(y)
    if size == 1:
        return [NODE.reshape(c, shape=(1, *Carrier.shape(c))) for c in pull(np.ones(shape, _float(y))[()])]
    if size and any(node.primitive.kind == "custom" and not node.primitive.listed for node in record.operations):
        parts = [pull(unit.reshape(shape)) for unit in np.eye(size)]
        return [NODE.stack(*column, axis=0) for column in zip(*parts)]
    return for_units(record, pull, y if _float(y) is not float else zeros(y), 0)


@unary_to_nary
def hessian(fun: Function, x: Tree) -> Value:
    """A function that returns the second derivatives: of shape output + input + input.

    >>> hessian(lambda x: x[0] * x[1])(np.array([1.0, 2.0]))
    array([[0., 1.],
           [1., 0.]])
    """
    return jacobian(jacobian(fun))(x)


def grad_named(fun: Function, argname: str) -> Function:
    """The gradient by the argument of that name.

    >>> grad_named(lambda x, y: x * y, "y")(2.0, 3.0)
    np.float64(2.0)
    """
    names = list(inspect.signature(fun).parameters)
    if argname not in names:
        raise InputError(f"grad_named: {argname!r} is no argument of the function, which has {', '.join(names)}")
    found: Function = grad(fun, names.index(argname))
    return found


@unary_to_nary
def make_hvp(fun: Function, x: Tree) -> tuple[Function, Tree]:
    """A function that returns, at a point, the product with the Hessian as a function, and the gradient.

    >>> hvp, gradient = make_hvp(lambda x: x**3)(2.0)
    >>> hvp(1.0), gradient
    (np.float64(12.0), np.float64(12.0))
    """
    return _make_vjp(grad(fun), x)


def hessian_tensor_product(fun: Function, argnum: int = 0) -> Function:
    """A function of the arguments and a tensor: the Hessian by the argument, times the tensor.

    >>> hessian_tensor_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    gradient = grad(fun, argnum)

    def dotted(*args: Any, **kwargs: Any) -> Value:
        *rest, tensor = args
        return np.tensordot(gradient(*rest, **kwargs), tensor, np.ndim(tensor))

    found: Function = grad(dotted, argnum)
    return found


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun: Function, argnum: int = 0) -> Function:
    """A function of the arguments and a tensor: the tensor times the Jacobian by the argument.

    >>> tensor_jacobian_product(lambda x: x**2)(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([2., 4.])
    """

    def dotted(*args: Any, **kwargs: Any) -> Value:
        *rest, tensor = args
        return np.tensordot(tensor, fun(*rest, **kwargs), np.ndim(tensor))

    found: Function = jacobian(dotted, argnum)
    return found


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun: Function, x: Tree) -> Function:
    """A function that returns, at a point, the derivative along a tangent as a function."""
    jvp = _make_jvp(fun, x)
    return lambda v: jvp(v)[1]


def _half_square(x: Value) -> Value:
    return 0.5 * np.sum(x**2, axis=-1)


def make_ggnvp(f: Function, g: Function = _half_square, f_argnum: int = 0) -> Function:
    """A function that returns, at a point, the product with the generalised Gauss-Newton matrix of g(f(x)).

    >>> make_ggnvp(lambda x: x**2)(np.array([1.0, 2.0]))(np.ones(2))
    array([ 4., 16.])
    """

    def at(*args: Any, **kwargs: Any) -> Function:
        unary, x = chosen(f, f_argnum, args, kwargs)
        back, y = _make_vjp(unary, x)
        curvature = _make_vjp(grad(g), y)[0]
        along = _make_jvp(unary, x)
        return lambda v: back(curvature(along(v)[1]))

    return at


def multigrad_dict(fun: Function) -> Callable[..., OrderedDict[str, Tree]]:
    """The gradients by all arguments, by their names.

    >>> dict(multigrad_dict(lambda x, y=2.0: x * y)(3.0))
    {'x': np.float64(2.0), 'y': np.float64(3.0)}
    """
    signature = inspect.signature(fun)

    def gradients(*args: Any, **kwargs: Any) -> OrderedDict[str, Tree]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()

        def by_name(values: dict[str, Tree]) -> Value:
            given = inspect.BoundArguments(signature, OrderedDict((k, values[k]) for k in bound.arguments))
            return fun(*given.args, **given.kwargs)

        found = grad(by_name)(dict(bound.arguments))
        return OrderedDict((name, found[name]) for name in bound.arguments)

    return gradients


def checkpoint(fun: Function) -> Value:
    """fun, whose intermediate values are computed again in the backward sweep instead of being kept.

    >>> grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    """

    def reverse(argnums: tuple[int, ...], ans: Value, args: tuple[Value, ...], kwargs: dict[str, Value]) -> Function:
        return _make_vjp(*chosen(fun, argnums, args, kwargs))[0]

    def forward(argnums: Any, gs: Any, ans: Value, args: tuple[Value, ...], kwargs: dict[str, Value]) -> Value:
        return _make_jvp(*chosen(fun, argnums, args, kwargs))(tuple(gs))[1]

    wrapped = primitive(fun)
    defvjp_argnums(wrapped, reverse)
    defjvp_argnums(wrapped, forward)
    return wrapped
