"""The progress bar of a run: on standard error, and silent where nobody watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ...types import Params, State, Value
from ..arrays import Record

if TYPE_CHECKING:
    from rich.progress import Progress


class Silent:
    """Shows nothing. Of a training it is told where it stands and, where it `wants` to look, what it has come to."""

    def begin(self, history: list[Record]) -> None: ...
    def epoch(self, epoch: int, epochs: int, samples: int, done: int) -> None: ...
    def advance(self, samples: int, loss: float, accuracy: float | None) -> None: ...
    def wants(self) -> bool:
        """Whether it would look now."""
        return False

    def look(self, params: Params, state: State) -> None: ...
    def finish(self, record: Record) -> None: ...
    def close(self) -> None: ...


class Bar(Silent):
    """Loss, accuracy, samples per second and time left of each epoch, by rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("loss {task.fields[loss]:.4f}{task.fields[accuracy]}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
        )
        self.bar: Progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self.bar.start()
        self.task: Value = None
        self.waiting: int = 0

    def epoch(self, epoch: int, epochs: int, samples: int, done: int) -> None:
        if self.task is not None:
            self.bar.remove_task(self.task)
        text = f"epoch {epoch + 1}/{epochs}"
        self.task = self.bar.add_task(text, total=samples, completed=done, loss=0.0, accuracy="", speed="")
        self.waiting = 0

    def advance(self, samples: int, loss: float, accuracy: float | None) -> None:
        self.waiting += samples
        if self.waiting < 1000:
            return
        told = "" if accuracy is None else f"  accuracy {accuracy:.1%}"
        speed = self.bar.tasks[0].speed
        pace = f"{speed:,.0f} samples/s" if speed else ""
        self.bar.update(self.task, advance=self.waiting, loss=loss, accuracy=told, speed=pace)
        self.waiting = 0

    def finish(self, record: Record) -> None:
        self.bar.console.print(line(record), highlight=False)

    def close(self) -> None:
        self.bar.stop()


def line(record: Record) -> str:
    """One epoch in a line of text."""
    parts = [f"epoch {record['epoch']:>3}", f"loss {record['train_loss']:.4f}"]
    if record.get("train_accuracy") is not None:
        parts.append(f"accuracy {record['train_accuracy']:.2%}")
    if record.get("test_loss") is not None:
        parts.append(f"test loss {record['test_loss']:.4f}")
    if record.get("test_accuracy") is not None:
        parts.append(f"test accuracy {record['test_accuracy']:.2%}")
    return "  ".join([*parts, f"{record['samples_per_second']:,.0f} samples/s"])


def shown(progress: bool | Silent | None) -> Silent:
    """A bar where it was asked for, or where standard error is a terminal; one that is given stays as it is."""
    if isinstance(progress, Silent):
        return progress
    wanted = sys.stderr is not None and sys.stderr.isatty() if progress is None else progress
    return Bar() if wanted else Silent()
