"""`difflab check`: the only command that imports a user's code, and only what is named."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from ..errors import DifflabError, DisagreementError, InputError, UnsupportedError
from ..progress import doing
from ..types import Function, Tree, Value
from .common import Command, Number, at_option, emit_json, json_option, read_point

EXAMPLES = """
difflab check losses.py:loss --at "w=[0.3,-1.2,0.7]"
difflab check losses.py:loss --at "w=[0.3,-1.2,0.7]" --gradient losses.py:loss_gradient
difflab check package.losses:loss --at x=1.5,y=2 --gradient package.losses:loss_gradient --json
difflab check losses.py:loss --at "w=[0.3,-1.2,0.7]" --gradient losses.py:loss_gradient --entry "w[1]"
"""


@click.command(
    cls=Command,
    examples=EXAMPLES,
    epilog="Exit status: 0 the gradient is right, 1 it is wrong or could not be judged, 2 bad input.",
)
@click.argument("function", metavar="MODULE:FUNCTION")
@at_option
@click.option("--gradient", metavar="MODULE:FUNCTION", help="The gradient to check; by default difflab's own.")
@click.option("--entry", metavar="NAME[I,J]", help="Check this entry of --gradient alone.")
@click.option("--rtol", type=Number(min=0), help="Accepted relative error. By default 1e-9.")
@click.option("--ulps", type=Number(min=0), help="Accepted error in units in the last place.")
@click.option("--seed", type=int, default=0, help="Of the random directions of large points.")
@click.option("--allow-kinks", is_flag=True, help="At a kink, accept what lies between the one-sided derivatives.")
@json_option
def command(
    function: str,
    points: tuple[str, ...],
    gradient: str | None,
    entry: str | None,
    rtol: float | None,
    ulps: float | None,
    seed: int,
    allow_kinks: bool,
    as_json: bool,
) -> int:
    """Check the gradient of a Python function, and name the rule that is wrong.

    MODULE:FUNCTION is package.module:function or file.py:function. It is imported, and so run: name only code that you
    trust. --at gives its arguments by name. Without --gradient, difflab's methods are compared; with it, that gradient
    (a function of the same arguments) is judged by the certificate, by finite differences or by the Taylor test.
    """
    if entry is not None and gradient is None:
        raise InputError("--entry chooses an entry of --gradient, which is not given")
    at = read_point(points)
    with users_code(), doing("importing"):
        f = load(function, "MODULE:FUNCTION")
        own = load(gradient, "--gradient") if gradient else None
    given = arguments(f, function, at)
    from ..testing.agreement import examine
    from ..testing.judges import PointError

    try:
        with users_code(), doing("checking the gradient"):
            report = examine(f, given, own, rtol=rtol, ulps=ulps, seed=seed, allow_kinks=allow_kinks, entry=entry)
    except (PointError, UnsupportedError) as error:  # computed, and nobody could judge it
        told: dict[str, Tree] = {"agree": False, "reason": str(error)}
        text, agree = f"not judged: {error}", False
    except DisagreementError as error:
        told, text, agree = {"agree": False, "reason": str(error)}, str(error), False
    else:
        told, text, agree = report.to_json(), str(report), report.agree
    if as_json:
        emit_json({"function": function, "gradient": gradient, **told})
    else:
        click.echo(text)
    return 0 if agree else 1


def arguments(f: Function, name: str, at: dict[str, Value]) -> tuple[Value, ...]:
    """The values of --at in the order of the function's arguments."""
    try:
        bound = inspect.signature(f).bind(**at)
    except ValueError:  # a built-in function without a signature
        return tuple(at.values())
    except TypeError as error:
        wanted = ", ".join(inspect.signature(f).parameters) or "none"
        raise InputError(f"--at does not fit {name}: {error}; its arguments are {wanted}") from None
    if bound.kwargs:
        raise InputError(f"{name} takes {', '.join(bound.kwargs)} by keyword only; check a function of the others")
    return bound.args


def load(address: str, what: str) -> Function:
    """The function at `package.module:function` or `file.py:function`."""
    where, colon, name = address.rpartition(":")
    if not colon or not where or not name:
        raise InputError(f"{what} {address!r}: write package.module:function or file.py:function")
    module = from_file(Path(where), what) if where.endswith(".py") else from_name(where, what)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
            raise InputError(f"{what}: {where} has no function {name!r}; it has {', '.join(known[:12]) or 'none'}")
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f"{what}: {address} is a {type(found).__name__} and no function")
    function: Function = found
    return function


def from_file(path: Path, what: str) -> ModuleType:
    if not path.is_file():
        raise InputError(f"{what}: there is no file {path}")
    loaded = next((m for m in list(sys.modules.values()) if same_file(getattr(m, "__file__", None), path)), None)
    if loaded is not None:
        return loaded
    sys.path.insert(0, str(path.resolve().parent))  # what stands beside it can be imported, as when it is run
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{what}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    with imported(str(path), what):
        spec.loader.exec_module(module)
    return module


def same_file(file: str | None, path: Path) -> bool:
    return file is not None and file.endswith(path.name) and Path(file).resolve() == path.resolve()


def from_name(name: str, what: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise InputError(f"{what}: {name!r} is neither a module's name nor a file that ends in .py")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    with imported(name, what):
        return importlib.import_module(name)


@contextlib.contextmanager
def imported(name: str, what: str) -> Iterator[None]:
    """What goes wrong in an import is told with the name that was asked for."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"{what}: {name} could not be imported: there is no module named {error.name!r}") from error
    except SystemExit as error:
        raise InputError(f"{what}: {name} could not be imported: it ended the program ({error.code})") from error
    except Exception as error:
        raise InputError(f"{what}: {name} could not be imported: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def users_code() -> Iterator[None]:
    """What a user's code prints goes to standard error, and what it raises is bad input."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except DifflabError:
        raise
    except SystemExit as error:
        raise InputError(f"the function ended the program ({error.code})") from error
    except Exception as error:
        raise InputError(f"the function cannot be computed at this point: {type(error).__name__}: {error}") from error
