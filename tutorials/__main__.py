"""`python -m tutorials`: executes the lessons and writes them down as Markdown pages or notebooks."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import click

from . import notebook
from .markdown import Page
from .percent import LessonError, read
from .run import execute

HERE = Path(__file__).resolve().parent


def lessons(folder: Path, numbers: tuple[int, ...]) -> list[Path]:
    """The files of the lessons of these numbers, or of all."""
    found = {int(p.name[:2]): p for p in sorted(folder.glob("*.py")) if re.match(r"\d\d_", p.name)}
    missing = [n for n in numbers if n not in found]
    if missing:
        told = ", ".join(map(str, missing))
        raise click.UsageError(f"there is no lesson {told}; the lessons are {', '.join(map(str, found))}")
    return [found[n] for n in numbers or found]


def one(path: Path, form: str, out: Path | None, check: bool) -> str:
    """Executes one lesson and writes or checks its page; returns what to say about it."""
    cells = read(path)
    outputs = execute(path)
    if form == "ipynb":
        notebook.save(out or path.parent, path.stem, cells, outputs)
        return "notebook written"
    page = Page(path.stem, cells, outputs)
    if check:
        stale = page.difference(out or path.parent)
        if stale:
            raise LessonError(f"{path.name}: the page is not current, {stale}; run python -m tutorials {path.stem[:2]}")
        return "current"
    page.save(out or path.parent)
    return f"page written, {len(page.pictures)} pictures"


@click.command()
@click.argument("numbers", type=int, nargs=-1)
@click.option("--to", "form", type=click.Choice(["md", "ipynb"]), default="md", help="Pages (md) or notebooks.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
@click.option("--check", is_flag=True, help="Write nothing; fail where a page is not what the lesson gives.")
@click.option(
    "--lessons",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=HERE,
    help="The folder of the lessons; this one by default.",
)
def main(numbers: tuple[int, ...], form: str, out: Path | None, check: bool, folder: Path) -> None:
    """Executes the lessons of these NUMBERS (all by default) and writes a page with outputs beside each.

    Exit status: 0 all is well, 1 an assertion failed or a page is not current, 2 bad usage.
    """
    if check and form != "md":
        raise click.UsageError("--check looks at pages; leave --to out")
    if form == "ipynb" and out is None:
        raise click.UsageError("--to ipynb needs --out FOLDER: notebooks are not kept beside the lessons")
    failures = 0
    for path in lessons(folder, numbers):
        start = time.perf_counter()
        try:
            told = one(path, form, out, check)
        except LessonError as error:
            failures += 1
            click.echo(f"FAILED {error}", err=True)
        else:
            click.echo(f"{path.stem}: {told} ({time.perf_counter() - start:.1f} s)")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
