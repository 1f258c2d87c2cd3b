"""The line on a terminal that says what is being done, once that has taken a while."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

import click

from ..progress import WATCHER, watched

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table

DELAY = 2.0  # seconds of work before anything is shown
QUIET: ContextVar[bool] = ContextVar("QUIET", default=False)


class Display:
    """A spinner on standard error with the works under way, how far the innermost is, and how long the outermost took.

    It goes away when the outermost work ends, so that nothing of it stands between the lines of a result.
    """

    spinner: Spinner

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.works: list[str] = []
        self.told: tuple[str, float | None] = ("", None)
        self.began: float = 0.0
        self.lock: threading.RLock = threading.RLock()
        self.live: Live | None = None
        self.timer: threading.Timer | None = None

    # What the library says.
    def begin(self, what: str) -> None:
        with self.lock:
            self.works.append(what)
            self.told = ("", None)
            if len(self.works) == 1:
                self.began = time.monotonic()
                self.wait()

    def tell(self, text: str, share: float | None) -> None:
        self.told = (text, share)

    def end(self) -> None:
        with self.lock:
            self.works.pop()
            self.told = ("", None)
            if not self.works:
                self.hide()

    # What is seen.
    def wait(self) -> None:
        if self.delay <= 0:
            self.show()
            return
        self.timer = threading.Timer(self.delay, self.show)
        self.timer.daemon = True
        self.timer.start()

    def show(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        with self.lock:
            if not self.works or self.live is not None:
                return
            self.spinner = Spinner("dots")
            self.live = Live(
                get_renderable=self.line,
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.live.start(refresh=True)

    def hide(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        live, self.live, self.timer = self.live, None, None
        if live is not None:
            live.stop()

    def line(self) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        text, share = self.told
        table = Table.grid(padding=(0, 1))
        words = Text(": ".join([*self.works, *([text] if text else [])]), no_wrap=True, overflow="ellipsis")
        cells: list[RenderableType] = [self.spinner, words]
        if share is not None:
            cells.append(ProgressBar(total=1.0, completed=share, width=24))
        table.add_row(*cells, Text(f"{time.monotonic() - self.began:.0f} s"))
        return table

    def say(self, message: str) -> None:
        """A line that stays, above the moving one."""
        with self.lock:
            shown = self.live is not None
            self.hide()
            click.echo(message, err=True)
            if shown:
                self.show()


def terminal() -> bool:
    """Whether somebody may be watching: standard error is a terminal that can move its cursor."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def is_quiet() -> bool:
    return QUIET.get()


@contextlib.contextmanager
def shown(quiet: bool) -> Iterator[None]:
    """Around a command: what it does is shown on a terminal, or with `quiet` nothing is."""
    token = QUIET.set(quiet)
    try:
        with watched(Display(DELAY) if terminal() and not quiet else None):
            yield
    finally:
        QUIET.reset(token)


def say(message: str) -> None:
    """A line on standard error, which may be closed or on a full disk: what is computed is worth more."""
    if QUIET.get():
        return
    watcher = WATCHER.get()
    with contextlib.suppress(OSError):
        if isinstance(watcher, Display):
            watcher.say(message)
        else:
            click.echo(message, err=True)
