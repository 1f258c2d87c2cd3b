"""What annotations mean by their names, in every room.

`Array` and `Shape` are checked. `Value` and what is made of it say what a thing is for a reader only: one statement of
a rule or a layer serves NumPy's arrays, nodes, germs and expressions, and no type of Python's says "one of these,
and the result is of the same kind".
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # this file is imported by all, and `import difflab` stays light
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"  # NumPy's array, of any dtype
DType: TypeAlias = "np.dtype[Any]"
Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = int | tuple[int, ...] | None  # one axis, several, or all
Sizes: TypeAlias = int | tuple[int, ...]  # one size for all axes of space, or one for each
Key: TypeAlias = Any  # what stands in brackets: a number, slice, mask, index array, or a tuple of them

Value: TypeAlias = Any  # an array or a number, or what stands for one: a traced value, a germ, an expression
Tree: TypeAlias = Any  # any nested container of values (pytree), also one value
Params: TypeAlias = dict[str, Any]  # nested dicts of arrays, with PyTorch's names; of an operation: its keywords
State: TypeAlias = dict[str, Any]  # what a layer changes from call to call

Function: TypeAlias = Callable[..., Any]  # a function that users write, of any signature
Rule: TypeAlias = Callable[..., Any]  # a row's rule: carrier, operands and keywords to a value
FileName: TypeAlias = str | PathLike[str]
