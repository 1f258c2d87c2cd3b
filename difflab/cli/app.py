"""The group of commands, and what happens at its edges: streams, errors, exit status."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import sys
import traceback
import warnings
from importlib import import_module
from typing import TextIO

import click

from ..errors import DifflabError, LostError
from ..files import MENDS
from .processes import LOST, own_part, take_part
from .progress import shown

OK, DISAGREE, BAD_INPUT, INTERNAL, CLOSED_PIPE, INTERRUPTED = 0, 1, 2, 3, 141, 130
LONGEST_MESSAGE = 4000

# One line each, so that --help needs to import none of them.
COMMANDS = {
    "compare": "One gradient by every method, judged by the certified one.",
    "check": "The gradient of your own Python function, and the rule that is wrong.",
    "judge": "The gradient of your own JAX or PyTorch function, and the rule that is wrong.",
    "nonfinite": "The operation where a NaN or an infinity begins: NumPy, JAX, PyTorch.",
    "draw": "The forward and the backward pass as a picture.",
    "step": "A page that goes through both passes step by step, with sliders.",
    "playground": "A page to type expressions into, which needs no Python.",
    "step-size": "The V-curve: error of finite differences against the step.",
    "swell": "How formulas grow under symbolic differentiation.",
    "lab": "A local page: type an expression, step through it, compare.",
    "tour": "A report page: comparisons, pictures, the V-curve, the swell.",
    "gallery": "The course's figures as generated diagrams.",
    "accuracy": "Errors in ulps of every operation and its derivative.",
    "source": "The compiled gradient as Python source.",
    "export": "A function as a NumPy file, C, LaTeX or ONNX.",
    "train": "Train an MLP or a CNN on pictures, with checkpoints and a report.",
    "runs": "Finished training runs side by side: results, curves, settings.",
    "predict": "What a trained network says of pictures.",
    "summary": "Shapes, parameters and operations of a network, layer by layer.",
    "descent": "Paths of optimisers over a surface, step sizes, momentum, rates.",
    "mdp": "Solve a Markov decision process, with a proven bound of the error.",
    "doctor": "Versions, layout engine, and a self-check of the five methods.",
    "version": "The version.",
}

WELCOME = """\
difflab: a laboratory for derivatives. Three things to try:

  difflab compare "(x + y) * z" --at x=-2,y=5,z=-4
      the gradient by five methods, each with its error

  difflab step "(x + y) * z" --at x=-2,y=5,z=-4 -o passes.html
      how the gradient comes about, step by step, with sliders: open passes.html in a browser
      (difflab draw ... -o passes.svg makes a picture of it)

  difflab tour difflab-tour
      a report page with comparisons, pictures and plots

difflab --help lists all commands, difflab COMMAND --help shows examples.
"""


class Program(click.Group):
    """Loads a command's file when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"difflab.cli.{name.replace('-', '_')}")
        found: click.Command = module.command
        return found

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS:
            context.fail(f"there is no command {name[:80]!r}{self._hint(name)}")
        return name, self.get_command(context, name), args[1:]

    def _hint(self, name: str) -> str:
        close = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        if close:
            return f"; did you mean {close[0]}?"
        if any(c in name for c in "+-*/()= "):
            return f'; did you mean: difflab compare "{name[:80]}" --at ...'
        return f"; the commands are {', '.join(COMMANDS)}"

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 the methods agree, 1 anything else that was computed, 2 bad input, 3 an error in difflab.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks; also after the command.")
@click.option("--quiet", is_flag=True, help="Nothing on standard error but errors; also after the command.")
@click.option("--version", "version", is_flag=True, help="Show the version.")
@click.pass_context
def program(context: click.Context, debug: bool, quiet: bool, version: bool) -> None:
    """A laboratory for derivatives: write a function once; see, compare, certify and compile its gradient."""
    if version:
        from ..version import __version__

        click.echo(f"difflab {__version__}")
        context.exit()
    if context.invoked_subcommand is None:
        click.echo(WELCOME, nl=False)


def run(arguments: list[str]) -> int:
    """Runs one command line; returns its exit status. Only with --debug is a traceback shown."""
    prepare_streams()
    take_part()
    debug = "--debug" in arguments
    if not debug:
        warnings.simplefilter("ignore")
    try:
        with (
            shown("--quiet" in arguments),
            program.make_context("difflab", list(arguments), obj=list(arguments)) as context,
        ):
            status = program.invoke(context)
        sys.stdout.flush()
        return status if isinstance(status, int) else OK
    except BaseException as error:
        status, message = outcome(error)
        if isinstance(error, OSError):
            leave_output()
        with contextlib.suppress(OSError):  # standard error may be on a full disk, too
            if debug and not isinstance(error, click.exceptions.Exit | SystemExit):
                traceback.print_exc()
            elif message:
                click.echo(f"difflab: {readable(message)}", err=True)
        return status


def outcome(error: BaseException) -> tuple[int, str]:
    """The exit status and the message for whatever ended a command."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code, ""
    if isinstance(error, SystemExit):
        return (error.code if isinstance(error.code, int) else INTERNAL), ""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return getattr(error, "status", INTERRUPTED), ""
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "difflab"
        return BAD_INPUT, f"{error.format_message()}\nTry: {command} --help"
    if isinstance(error, click.ClickException):
        return BAD_INPUT, error.format_message()
    if isinstance(error, LostError) and own_part() is not None:
        return LOST, ""  # the supervisor says why
    if isinstance(error, DifflabError):
        return BAD_INPUT, at_the_shell(str(error))
    if isinstance(error, RecursionError | MemoryError):
        return BAD_INPUT, "the input is too large or too deeply nested for this machine"
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return CLOSED_PIPE, ""
    if isinstance(error, OSError):
        mend = MENDS.get(error.errno or 0)
        told = f"{error.filename or 'standard output'}: {error.strerror or error}"
        return BAD_INPUT, at_the_shell(told + (f"; {mend}" if mend else ""))
    return INTERNAL, f"internal error: {type(error).__name__}: {error}; please report it; --debug shows where"


def at_the_shell(message: str) -> str:
    """The message with the option's name, where the library names the argument of a call."""
    return message.replace("use force=True", "use --force")


def readable(message: str) -> str:
    """The message without control characters, and short enough to be read."""
    message = "".join(c if c.isprintable() or c == "\n" else "�" for c in message.expandtabs(2))
    return message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + " …"


def prepare_streams() -> None:
    """Missing streams become empty ones, and characters that a terminal lacks are replaced."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (it stays open)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def leave_output() -> None:
    """The reader went away, or the disk is full: what Python still flushes at its exit goes nowhere."""
    if writable(sys.stdout):
        return
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def writable(stream: TextIO) -> bool:
    """Whether the stream takes what waits to be written."""
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    return True
