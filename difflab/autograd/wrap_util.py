"""Operators on functions of one argument, applied to functions of several."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any

from ..errors import InputError
from ..types import Function, Tree, Value
from . import compiling


def chosen(fun: Function, argnum: Any, args: tuple[Value, ...], kwargs: dict[str, Value]) -> tuple[Function, Tree]:
    """fun as a function of one argument, or of a tuple of those that a list of numbers says, and its value."""
    numbers = argnum if isinstance(argnum, tuple | list) else (argnum,)
    for k in numbers:
        if not isinstance(k, int) or not -len(args) <= k < len(args):
            raise InputError(
                f"argnum={argnum!r} of a call with {len(args)} positional argument{'s' if len(args) != 1 else ''}: "
                "give the number of one of them, or a list of such"
            )

    def unary(x: Tree) -> Value:
        full = list(args)
        for k, e in zip(numbers, x if numbers is argnum else (x,)):
            full[k] = e
        return fun(*full, **kwargs)

    unary.__name__ = getattr(fun, "__name__", "unary")  # messages say it
    return unary, tuple([args[k] for k in numbers]) if numbers is argnum else args[argnum]


def unary_to_nary(unary_operator: Function) -> Function:
    """`operator(fun, x)` as `operator(fun, argnum=0)(*args, **kwargs)`; argnum may be a list or a tuple of numbers.

    >>> def value_at(fun, x):
    ...     return fun(2 * x)
    >>> unary_to_nary(value_at)(lambda x, y: x - y, 1)(3, 4)
    -5
    """

    def nary_operator(fun: Function, argnum: Any = 0, *options: Any, **named: Any) -> Value:
        if not callable(fun):
            raise InputError(f"{unary_operator.__name__}: {fun!r} is not a function")

        def nary_f(*args: Any, **kwargs: Any) -> Value:
            return unary_operator(*chosen(fun, argnum, args, kwargs), *options, **named)

        result: Value = compiling.considered(unary_operator.__name__, fun, nary_f, argnum)
        said = getattr(fun, "__name__", "function")
        result.__name__ = result.__qualname__ = f"{unary_operator.__name__}_of_{said}_wrt_argnum_{argnum}"
        result.__doc__ = f"{unary_operator.__name__} of {said} by argument {argnum}.\n\n{fun.__doc__ or ''}"
        return result

    made: Value = update_wrapper(nary_operator, unary_operator)
    del made.__wrapped__
    return nary_operator


def get_name(f: Value) -> str:
    """What messages call a function.

    >>> get_name(get_name), get_name(3)
    ('get_name', '[unknown name]')
    """
    return str(getattr(f, "__name__", "[unknown name]"))


def get_doc(f: Value) -> str:
    """The docstring of a function, or an empty text."""
    return str(getattr(f, "__doc__", None) or "")


def wraps(fun: Function, namestr: str = "{fun}", docstr: str = "{doc}", **kwargs: Any) -> Function:
    """A decorator that gives a function the name and docstring of another, filled into texts."""

    def decorate(f: Any) -> Value:
        said = get_name(fun)
        f.__name__ = namestr.format(fun=said, **kwargs)
        f.__doc__ = docstr.format(fun=said, doc=get_doc(fun), **kwargs)
        return f

    return decorate
