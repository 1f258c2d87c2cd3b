"""Machine code that another process has compiled: numba's results in the user's cache.

numba's own cache goes by files of source and their dates; the functions here are made from texts. Their key is what the
machine code hangs on: the instructions of the function and of all that it calls, the constants and tables that it
reads, the types, numba's settings, the versions and the processor.
"""

from __future__ import annotations

import inspect
import pickle
import platform
from collections.abc import Iterator
from importlib import import_module
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ... import cache
from ...types import Function

NAMED = (BuiltinFunctionType, ModuleType, np.ufunc, type)
PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
_here: WeakValueDictionary[str, Any] = WeakValueDictionary()  # what this process holds, by keys: symbols have one owner


def compiled(numba: Any, function: Function, types: tuple[object, ...], **options: Any) -> tuple[Any, bool]:
    """The function's machine code for arguments of these types, and whether it was there already."""
    key = None if cache.folder() is None else fingerprint(numba, function, types, options)
    if key is None:
        return numba.njit(types, **options)(function), False
    if (held := _here.get(key)) is not None:
        return held, True
    code = numba.njit(**options)(renamed(function, key))
    if not hasattr(code, "_cache"):  # NUMBA_DISABLE_JIT: Python runs it
        return code, False
    code._cache = kept = Kept(key)
    code.compile(types)
    code.disable_compile()
    return _here.setdefault(key, code), kept.found


def renamed(function: Function, key: str) -> Function:
    """The function under a name of its own, from which numba makes that of its symbol; its module can be imported."""
    name = f"{function.__name__}_{key[:32]}"
    space = {**function.__globals__, "__name__": __name__}
    made = FunctionType(function.__code__, space, name, function.__defaults__, function.__closure__)
    made.__qualname__ = name
    return made


class Kept:
    """Takes the place of numba's cache for one function. What cannot be read or written is compiled, and no more."""

    cache_path: None = None  # where numba would look

    def __init__(self, key: str) -> None:
        self.key: str = key
        self.found: bool = False

    def load_overload(self, signature: object, context: Any) -> Any:
        """What is kept, bound to this process; None where there is nothing that fits."""
        data = cache.program(self.key, cache.NATIVE)
        if data is None:
            return None
        result = import_module("numba.core.compiler").CompileResult
        try:
            context.refresh()
            made = result._rebuild(context, *pickle.loads(data))
        except Exception:  # of another version, or damaged: it is compiled anew
            return None
        self.found = True
        return made

    def save_overload(self, signature: object, result: Any) -> None:
        """Keeps a result that holds in other processes too."""
        try:
            if not portable(result, self.key):
                return
            data = import_module("numba.core.serialize").dumps(result._reduce())
        except Exception:  # it is compiled, and that is what counts
            return
        cache.keep_program(self.key, data, cache.NATIVE)


def portable(result: Any, key: str) -> bool:
    """Whether the code has no addresses of this process in it, and no symbol that another code's may be taken for.

    numba numbers the functions of a process, and a library's helpers of one name in two processes may differ.
    """
    names = [f.name for f in result.library.get_defined_functions()]
    own = all(key[:32] in name or name.startswith("NRT_") for name in names)
    return own and not result.library.has_dynamic_globals and not result.lifted


# The key.
def fingerprint(numba: Any, function: Function, types: tuple[object, ...], options: dict[str, Any]) -> str | None:
    """What the machine code hangs on; None where the function reads something that has no name and no value."""
    try:
        parts = list(described(function, {}))
    except TypeError:
        return None
    config, target = numba.core.config, import_module("numba.core.registry").cpu_target.target_context
    settings = [f"{k}={v!r}" for k, v in sorted(vars(config).items()) if k.isupper() and "THREADS" not in k]
    versions = [numba.__version__, import_module("llvmlite").__version__, np.__version__, platform.python_version()]
    machine = [str(x) for x in target.codegen().magic_tuple()]
    return cache.key(["native", *versions, *machine, *settings, repr(sorted(options.items())), str(types), *parts])


def described(x: Any, seen: dict[int, int]) -> Iterator[str]:
    """A text for whatever a function reads, the same in each process."""
    if id(x) in seen:
        yield f"function {seen[id(x)]}"
    elif isinstance(x, FunctionType):
        seen[id(x)] = len(seen)
        yield from of_code(x.__code__, x.__globals__, seen)
        yield from described((x.__defaults__, *[cell.cell_contents for cell in x.__closure__ or ()]), seen)
    elif isinstance(x, np.ndarray) and not x.dtype.hasobject:
        layout = "C" if x.flags.c_contiguous else "F" if x.flags.f_contiguous else "A"
        yield f"array {x.dtype.str} {x.shape} {layout} {x.tobytes().hex()}"
    elif isinstance(x, tuple):
        yield f"tuple {len(x)}"
        for y in x:
            yield from described(y, seen)
    elif isinstance(x, NAMED):
        yield f"{type(x).__name__} {getattr(x, '__module__', '')} {x.__name__}"
    elif isinstance(x, PLAIN):
        yield f"{type(x).__name__} {x!r}"
    elif hasattr(x, "_defn"):  # an intrinsic, which writes its code with what else its file has
        yield inspect.getsource(import_module(x._defn.__module__))
        yield from described(tuple([cell.cell_contents for cell in x._defn.__closure__ or ()]), seen)
    elif hasattr(x, "py_func") and hasattr(x, "targetoptions"):  # a function that numba compiles where it is called
        yield repr(sorted(x.targetoptions.items()))
        yield from described(x.py_func, seen)
    else:
        raise TypeError(f"{type(x).__name__} has no text that is the same in each process")


def of_code(code: CodeType, space: dict[str, Any], seen: dict[int, int]) -> Iterator[str]:
    """The instructions, and what stands behind their constants and names."""
    yield f"{code.co_code.hex()} {code.co_exceptiontable.hex()} {code.co_flags} {code.co_argcount}"
    yield f"{code.co_varnames} {code.co_freevars} {code.co_cellvars}"
    for x in code.co_consts:
        if isinstance(x, CodeType):
            yield from of_code(x, space, seen)
        else:
            yield from described(x, seen)
    for name in code.co_names:
        yield name
        if name in space:
            yield from described(space[name], seen)
