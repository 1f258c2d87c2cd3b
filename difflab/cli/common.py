"""What the commands share: the expression, the point, results as JSON, output names."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DifflabError, InputError
from ..progress import doing
from ..types import Function, Tree, Value
from .progress import say

if TYPE_CHECKING:
    from rich.console import Console

    from ..differentiate.problem import Problem

LONGEST_INPUT = 1_000_000
WIDE = 120


class Command(click.Command):
    """A command with --debug, verbatim examples, and expressions that may begin with a minus sign."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*args, **kwargs)
        self.examples: str = examples.strip()
        self.params.append(
            click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error.")
        )
        quiet = "Nothing on standard error but errors."
        self.params.append(click.Option(["--quiet"], is_flag=True, expose_value=False, help=quiet))

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        protected = self._protect_minus(args)
        moved = protected[protected.index("--") + 1 :] if "--" in protected and protected is not args else []
        try:
            return super().parse_args(context, protected)
        except click.UsageError as error:
            if moved and "unexpected extra" in error.message:  # the minus was no expression's
                raise click.NoSuchOption(moved[0], ctx=context) from None
            raise

    def _protect_minus(self, args: list[str]) -> list[str]:
        """Moves "-x*y" behind "--": it is an expression, where "-o" is an option."""
        if "--" in args:
            return args
        options = [p for p in self.params if isinstance(p, click.Option)]
        short = {name for p in options for name in p.opts if len(name) == 2} | {"-h"}
        waiting = {name for p in options if not p.is_flag for name in p.opts}
        kept: list[str] = []
        moved: list[str] = []
        for previous, word in zip(["", *args], args):
            single = len(word) > 1 and word[0] == "-" and word[1] != "-"
            (moved if single and word[:2] not in short and previous not in waiting else kept).append(word)
        return [*kept, "--", *moved] if moved else kept

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.splitlines():
                    formatter.write(f"  {line}\n")
        super().format_epilog(context, formatter)


def at_option(function: Function) -> Function:
    """`--at x=1,y=2`, as often as one likes."""
    return click.option(
        "--at",
        "points",
        multiple=True,
        metavar="NAME=VALUE,...",
        help="The point; vectors as [1,2], constants as pi/2.",
    )(function)


def force_option(function: Function) -> Function:
    return click.option("--force", is_flag=True, help="Replace files that exist.")(function)


def json_option(function: Function) -> Function:
    return click.option("--json", "as_json", is_flag=True, help="Strict JSON on standard output.")(function)


class Number(click.FloatRange):
    """A range of numbers that NaN is not in: it compares with no bound, so click's own range lets it pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{found} is not in the range {self._describe_range()}.", param, ctx)
        return found


def read_expression(text: str) -> str:
    """The expression; `-` stands for standard input."""
    if text != "-":
        return text
    if sys.stdin is None:
        raise InputError("standard input is closed; give the expression as an argument")
    data = sys.stdin.buffer.read(LONGEST_INPUT + 1)
    if len(data) > LONGEST_INPUT:
        raise InputError(f"standard input holds more than {LONGEST_INPUT} bytes; that is no expression to compare")
    try:
        return data.decode().strip()
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8 text: byte {data[error.start]:#04x} at {error.start}") from None


def read_point(points: tuple[str, ...]) -> dict[str, Value]:
    """The point of all `--at` together."""
    from ..graph.parse import parse_point

    found: dict[str, Value] = {}
    for text in points:
        for name, value in parse_point(text).items():
            if name in found:
                raise InputError(f"--at gives {name} twice")
            found[name] = value
    return found


@contextmanager
def computing() -> Iterator[None]:
    """Around the first run of the user's expression: what NumPy refuses there is bad input, not an error of ours."""
    try:
        yield
    except DifflabError:
        raise
    except (ValueError, TypeError, IndexError, ArithmeticError) as error:
        raise InputError(f"the expression cannot be computed at this point: {error}") from error


def problem_at(text: str, at: dict[str, Value], wrt: list[str] | None = None) -> Problem:
    """The expression at its point, which tells bad input before the heavier imports."""
    from ..differentiate.problem import as_problem
    from ..graph.parse import parse

    graph = parse(text)
    refuse_extra_names(at, [str(n.name) for n in graph.inputs])
    with computing(), doing("computing the value"):
        problem = as_problem(graph, at, wrt)
    problem.text = text
    return problem


def refuse_extra_names(at: dict[str, Value], names: list[str]) -> None:
    extra = [name for name in at if name not in names]
    if extra:
        raise InputError(f"--at gives {', '.join(extra)}; the expression names {', '.join(names) or 'nothing'}")


def emit_json(value: Tree) -> None:
    """Strict JSON: a NaN that slipped through is an error of ours and not of the reader's parser."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def console() -> Console:
    """Where tables are printed; as wide as they need when nobody watches."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    made = Console(width=WIDE) if piped else Console()
    made.on_broken_pipe = broken_pipe  # type: ignore[method-assign]
    return made


def broken_pipe() -> None:
    """In place of rich's own reaction, which ends with status 1: that says that methods disagree."""
    raise BrokenPipeError(errno.EPIPE, "the reader of standard output went away")


def log(message: str) -> None:
    """A line on standard error about what was done."""
    say(message)


def named_folder(path: str) -> Path:
    if not path.strip():
        raise InputError("the name of the folder is empty")
    from ..files import unlinked

    return unlinked(Path(path))


def picture(path: str, suffixes: tuple[str, ...], force: bool) -> Path:
    """An output file's path, checked before any work is done."""
    from ..files import target

    found = Path(path)
    if not path.strip():
        raise InputError(f"the name of the output file is empty; give one that ends in {suffixes[0]}")
    if found.suffix.lower() not in suffixes:
        ends = suffixes[0] if len(suffixes) == 1 else f"one of {', '.join(suffixes)}"
        raise InputError(f"{path}: the name has to end in {ends}")
    return target(found, force)


PLOTS = (".png", ".svg", ".pdf")
