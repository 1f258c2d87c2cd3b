"""`python -m difflab.autograd SCRIPT ARGS...`: a program written for autograd, run with difflab in its place.

`-m MODULE` runs a module, `-c CODE` a text, as Python does; `--compile` in front compiles gradients.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from difflab.autograd import compile_gradients, install

USAGE = "usage: python -m difflab.autograd [--compile] SCRIPT [ARGS...] | -m MODULE [ARGS...] | -c CODE [ARGS...]"
OURS = ("runpy", "difflab.autograd.__main__")


def main(arguments: list[str]) -> int | str | None:
    """Runs the program; returns what its exit status is to be."""
    if arguments and arguments[0] == "--compile":
        compile_gradients()
        arguments = arguments[1:]
    if not arguments or arguments[0] in ("-h", "--help") or (arguments[0] in ("-m", "-c") and len(arguments) < 2):
        print(USAGE, file=sys.stdout if arguments and arguments[0] in ("-h", "--help") else sys.stderr)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    kind, *rest = arguments
    install()
    if kind == "-m":
        sys.argv = rest
        sys.path[0] = os.getcwd()
        return run(lambda: runpy.run_module(rest[0], run_name="__main__", alter_sys=True))
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[0] = ""
        return run(lambda: exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"}))
    if not os.path.exists(kind):
        print(f"difflab.autograd: there is no file {kind!r}\n{USAGE}", file=sys.stderr)
        return 2
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(kind))
    return run(lambda: runpy.run_path(kind, run_name="__main__"))


def run(program: Callable[[], object]) -> int | str | None:
    """Runs a program; an error is shown as Python shows it, without the frames that led to the program."""
    try:
        program()
    except SystemExit as end:
        return end.code
    except BaseException as error:
        traceback.print_exception(type(error), error, own(error.__traceback__))
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def own(at: TracebackType | None) -> TracebackType | None:
    """A traceback from the program's own first frame on."""
    first = at
    while (first is not None and str(first.tb_frame.f_globals.get("__name__")) in OURS) or frozen(first):
        first = first.tb_next if first is not None else None
    return first if first is not None else at


def frozen(at: TracebackType | None) -> bool:
    return at is not None and (
        at.tb_frame.f_code.co_filename.startswith("<frozen") or at.tb_frame.f_code.co_filename == __file__
    )


def start() -> NoReturn:
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    start()
