"""Finished runs side by side: what they came to, and in which settings they differ."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cards.as_html import FRAMELESS, LARGEST, body as inside, framed
from ..cards.parts import FIRST, Card, Chart, Fold, Part, Row, Series, Table, Words, brief, duration, figure
from ..cards.shown import Shown
from ..errors import InputError
from ..lab.report_page import report_page
from ..types import FileName, Tree, Value
from .arrays import Record
from .training.checkpoint import Reader, record_of
from .training.fit import score
from .training.run import numbers

HEADS = ("run", "test accuracy", "test loss", "train loss", "best epoch", "epochs", "time", "samples/s", "parameters",
         "data")  # fmt: skip
DEFAULT = "default"


@dataclass(frozen=True)
class FinishedRun:
    """One run's folder: the history (a dict an epoch), the settings, and how many parameters the model has."""

    name: str
    folder: Path
    history: tuple[Record, ...]
    settings: Mapping[str, Value]
    data: str
    parameters: int

    @property
    def best(self) -> Record:
        """The epoch with the least wrong answers, or the least loss, in the test if there is one."""
        return min(self.history, key=score)

    @property
    def seconds(self) -> float:
        """The time of all epochs."""
        return float(sum(r.get("seconds") or 0.0 for r in self.history))

    @property
    def wanted(self) -> int | None:
        """How many epochs were asked for, where the run says it."""
        epochs = self.settings.get("epochs")
        return epochs if isinstance(epochs, int) else None

    def summary(self) -> Record:
        """What it came to, as strict JSON."""
        best, last = self.best, self.history[-1]
        rates = [r["samples_per_second"] for r in self.history if r.get("samples_per_second")]
        return {
            "run": self.name, "folder": str(self.folder), "data": self.data, "parameters": self.parameters,
            "epochs": len(self.history), "epochs_wanted": self.wanted, "best_epoch": best["epoch"],
            "test_accuracy": best["test_accuracy"], "test_loss": best["test_loss"],
            "train_loss": last["train_loss"], "seconds": round(self.seconds, 3),
            "samples_per_second": float(np.median(rates)) if rates else None, "settings": dict(self.settings),
        }  # fmt: skip

    def row(self) -> list[str]:
        """The summary as cells of a table."""
        s = self.summary()
        short = self.wanted is not None and len(self.history) < self.wanted
        epochs = f"{s['epochs']} of {self.wanted}" if short else str(s["epochs"])
        right = "" if s["test_accuracy"] is None else f"{s['test_accuracy']:.2%}"
        rate = "" if s["samples_per_second"] is None else f"{s['samples_per_second']:,.0f}"
        return [self.name, right, figure(s["test_loss"], 4), figure(s["train_loss"], 4), str(s["best_epoch"]), epochs,
                duration(self.seconds), rate, figure(self.parameters), self.data]  # fmt: skip


@dataclass(frozen=True, repr=False)
class Runs(Shown):
    """Finished runs, the best first."""

    runs: tuple[FinishedRun, ...]

    def __repr__(self) -> str:
        return f"<Runs: {', '.join(brief(r.name) for r in self.runs)}>"

    def _card_(self) -> Card:
        told = Card("Runs", f"{len(self.runs)} side by side, the best first").add(*results(self), *notes(self))
        return told.add(*differences(self), Row(curves(self)), alike(self))


def results(found: Runs) -> list[Table]:
    """What each run came to. Accuracy and test loss are those of its best epoch."""
    return whole(Table([r.row() for r in found.runs], HEADS).without_empty())


def notes(found: Runs) -> list[Words]:
    short = [r.name for r in found.runs if r.wanted is not None and len(r.history) < r.wanted]
    early = [Words(f"ended before all epochs that were asked for: {', '.join(short)}")] if short else []
    kinds = {r.data for r in found.runs}
    return early + [Words("the runs learned from different data", attention=True)] * (len(kinds) > 1)


def differences(found: Runs) -> list[Table]:
    """The settings that are not the same in all runs, a row a run."""
    every = dict.fromkeys(k for r in found.runs for k in r.settings)
    columns = {k: [cell(r.settings.get(k, "")) for r in found.runs] for k in every}
    names = [k for k, column in columns.items() if len(set(column)) > 1]
    rows = [[r.name, *(columns[k][j] for k in names)] for j, r in enumerate(found.runs)]
    return whole(Table(rows, ("run", *names))) if names else []


def alike(found: Runs) -> Fold:
    """The settings that all runs share."""
    shared = [(k, cell(v)) for k, v in found.runs[0].settings.items()]
    given = [(k, v) for k, v in shared if v not in ("", DEFAULT)]
    same = [(k, v) for k, v in given if all(cell(r.settings.get(k, "")) == v for r in found.runs)]
    return Fold("settings that all runs share", [Table(same)])


def curves(found: Runs) -> list[Chart]:
    """Loss and accuracy by epoch; of many runs a chart shows the best, as many as can be told apart."""
    charts = []
    for metric in ("test_loss", "test_accuracy", "train_loss"):
        shown = [r for r in found.runs if any(e[metric] is not None for e in r.history)]
        series = {r.name: Series([e["epoch"] for e in r.history], numbers(e[metric] for e in r.history))
                  for r in shown}  # fmt: skip
        charts.append(Chart(metric.replace("_", " "), series, "epoch", log_y=metric.endswith("loss")))
    return [c for c in charts if c.series]


def compare_runs(folders: Iterable[FileName]) -> Runs:
    """The runs in folders that `fit(out=...)` or `difflab train --out` has written, to be looked at side by side.

    Each folder needs its `last.npz`. The best run comes first: by right answers of the best epoch, else by loss.
    InputError names every folder that holds no finished epoch.

    >>> import tempfile
    >>> from difflab import nn
    >>> x, y = nn.data.blobs(60)
    >>> folders = [f"{tempfile.mkdtemp()}/{rate}" for rate in (0.1, 0.001)]
    >>> for folder, rate in zip(folders, (0.1, 0.001)):
    ...     adam = nn.optim.Adam(lr=rate)
    ...     _ = nn.fit(nn.models.mlp((2, 8, 3)), (x, y), optimiser=adam, epochs=3, out=folder, progress=False)
    >>> found = compare_runs(folders)
    >>> [r.name for r in found.runs], differences(found)[0].heads
    (['0.1', '0.001'], ('run', 'optimiser'))
    """
    paths = [Path(folder) for folder in folders]
    if not paths:
        raise InputError("compare_runs: no folder is given; name those that training has written")
    found, wrong = [], []
    for path, name in zip(paths, names_of(paths)):
        try:
            found.append(finished(path, name))
        except InputError as error:
            wrong.append(str(error))
    if wrong:
        raise InputError("\n".join(wrong))
    return Runs(tuple(sorted(found, key=lambda r: score(r.best))))


def names_of(paths: list[Path]) -> list[str]:
    """The folders' own names; those of the same name by their paths."""
    places = [p.resolve() for p in paths]
    twice = [p for k, p in enumerate(paths) if places[k] in places[:k]]
    if twice:
        raise InputError(f"{twice[0]} is given twice; name each folder once")
    short = [p.name for p in places]
    return [s if short.count(s) == 1 else str(p) for s, p in zip(short, paths)]


def finished(folder: Path, name: str) -> FinishedRun:
    """The run in a folder."""
    if not folder.is_dir():
        state = "is no folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {state}; name one that difflab train --out has written")
    if not (folder / "last.npz").exists():
        raise InputError(f"{folder} holds no run: there is no last.npz in it; difflab train --out FOLDER writes one")
    with Reader(folder / "last.npz") as reader:
        return finished_run(reader, folder, name)


def finished_run(reader: Reader, folder: Path, name: str) -> FinishedRun:
    """What the run's last checkpoint says of it."""
    about = reader.about
    try:
        history = tuple(record_of(r) for r in about["history"])
        settings = about["recipe"] if "recipe" in about else about["settings"]
        if not isinstance(settings, dict):
            raise ValueError(f"{str(settings)[:60]} where settings are wanted")
    except (KeyError, TypeError, ValueError) as error:
        raise reader.damaged(error) from None
    if not history:
        raise InputError(f"{folder}: the run has not finished an epoch; go on with it, difflab train ... --resume")
    arrays = [n for n in reader.archive.entries if n.startswith("params/")]
    count = sum(reader.array(n, reader.archive.entries[n].file_size).size for n in arrays)
    return FinishedRun(name, folder, history, settings, str(about.get("data", ""))[:100], count)


def whole(table: Table) -> list[Table]:
    """The table in parts, none of which is so long that its middle is left out."""
    return [Table(table.rows[k : k + FIRST], table.heads) for k in range(0, len(table.rows), FIRST)]


def cell(value: Tree) -> str:
    """A setting as a text; one that was left out has the default of what it is for."""
    return DEFAULT if value is None else brief(figure(value) if isinstance(value, int | float) else str(value))


def runs_page(found: Runs) -> str:
    """One HTML page with everything: it loads nothing and runs nothing."""
    parts: dict[str, Sequence[Part]] = {
        "Results": [*results(found), *notes(found)],
        "Curves": [Row(curves(found))],
        "Where the settings differ": differences(found),
        "What they share": [alike(found)],
    }
    cards = {title: Card("").add(*content) for title, content in parts.items()}
    body = "\n".join(
        f'<section aria-labelledby="s{k}"><h2 id="s{k}">{html.escape(title)}</h2>{framed(inside(card.parts, LARGEST))}'
        "</section>"
        for k, (title, card) in enumerate(cards.items())
        if card.parts
    )
    lead = "The best first. Accuracy and test loss are those of each run's best epoch."
    return report_page(f"{len(found.runs)} runs side by side", lead, body, "<code>difflab runs</code>", FRAMELESS)
