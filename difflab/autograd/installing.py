"""install: `import autograd` means `difflab.autograd` from then on, for programs that are written for autograd."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

from ..errors import InputError

HERE = __package__
NAME = "autograd"


def submodules() -> list[str]:
    """The names of all modules of the package, without the package's own; `__main__` is a program."""
    package = sys.modules[HERE]
    found = walk_packages(package.__path__, f"{HERE}.")
    return [m.name.removeprefix(f"{HERE}.") for m in found if not m.name.endswith("__main__")]


def present() -> list[str]:
    """The modules of another package of that name that are imported already."""
    ours = {id(module) for name, module in sys.modules.items() if name == HERE or name.startswith(f"{HERE}.")}
    names = [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]
    return [name for name in names if id(sys.modules[name]) not in ours]


def install(replace: bool = False) -> ModuleType:
    """Makes `import autograd`, and each of its modules, mean this package in this process; returns the package.

    Call it before anything imports autograd. Where HIPS/autograd has been imported already, programs may hold functions
    of both, which do not understand each other, so that is refused; `replace` puts this package in its place all the
    same, for whoever imports autograd later. A second call does nothing.

    >>> import difflab.autograd
    >>> difflab.autograd.install() is difflab.autograd
    True
    >>> import autograd
    >>> autograd.grad(lambda x: x**2)(3.0)
    np.float64(6.0)
    """
    others = present()
    if others and not replace:
        raise InputError(
            f"install: {others[0]} of {getattr(sys.modules[others[0]], '__file__', 'another package')} has been "
            "imported already, and functions of it do not understand difflab's values: call "
            "difflab.autograd.install() before it, or install(replace=True) where nothing of it is in use"
        )
    for name in others:
        del sys.modules[name]
    package = sys.modules[HERE]
    sys.modules[NAME] = package
    for name in submodules():
        sys.modules[f"{NAME}.{name}"] = import_module(f"{HERE}.{name}")
    return package
