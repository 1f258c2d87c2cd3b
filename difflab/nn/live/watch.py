"""What is seen of a running training: curves, histograms of weights and gradients, mistakes.

It is looked at between two steps, in the training's own thread, and nothing is written to: the run comes to the same
bits as one that nobody watches. Gradients and mistakes cost time, so they are computed only when somebody has asked
since the last look, and take at most a share of the run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
import optree

from ...differentiate.transform import grad
from ...graph.pytree import named_leaves
from ...types import Array, Params, State, Tree, Value
from ..arrays import Record
from ..data.dataset import Dataset
from ..layers.layer import Layer
from ..layers.sequential import Sequential
from ..pictures import picture, softmax
from ..training.progress import Silent
from ..training.step import Loss

SAMPLES = 256  # training samples that gradients are of, and test samples that are searched for mistakes
MISTAKES = 12
BINS = 31
SHARE = 5  # times as long as a look took, the training goes on before the next one
RECENT = 3.0  # seconds since it last asked, after which a page counts as closed
POINTS = 600  # of the curve within epochs, which is thinned by half when it has more


class Watch(Silent):
    """A progress bar that also keeps what a page shows; `inner` is the bar that goes on as without it."""

    def __init__(self, inner: Silent) -> None:
        self.inner: Silent = inner
        self.lock: threading.Lock = threading.Lock()
        self.asked: threading.Event = threading.Event()  # somebody has looked at the page since the last look inside
        self.told_end: threading.Event = threading.Event()
        self.visited: float = float("-inf")  # when somebody last asked
        self.said: Record = {"ended": False, "history": [], "curve": [], "layers": [], "mistakes": [], "looked": None}
        self.place: tuple[int, int, int] = (0, 1, 1)  # epochs that are whole, all epochs, samples in each
        self.done: int = 0  # samples of the present epoch
        self.every: int = 1
        self.count: int = 0
        self.rest: float = 0.0  # when the next look may be
        self.inside: tuple[Layer, Loss, Dataset, Dataset] | None = None

    def of(self, model: Layer, loss: Loss, data: Dataset, raw: Dataset) -> None:
        """What is trained, on which data: as the network sees them, and as they were."""
        self.inside = (model, loss, data, raw)
        with self.lock:
            self.said |= {"classes": list(data.classes), "data": data.name}

    # What the training says.
    def begin(self, history: list[Record]) -> None:
        self.inner.begin(history)
        with self.lock:
            self.said["history"] = list(history)

    def epoch(self, epoch: int, epochs: int, samples: int, done: int) -> None:
        self.inner.epoch(epoch, epochs, samples, done)
        self.place, self.done = (epoch, epochs, samples), done
        with self.lock:
            self.said |= {"epochs": epochs}

    def advance(self, samples: int, loss: float, accuracy: float | None) -> None:
        self.inner.advance(samples, loss, accuracy)
        self.done += samples
        self.count += 1
        if self.count % self.every == 0:
            with self.lock:
                curve = [*self.said["curve"], [self.now(), finite(loss)]]
                if len(curve) > POINTS:
                    curve, self.every = curve[::2], 2 * self.every
                self.said["curve"] = curve

    def wants(self) -> bool:
        """Whether somebody has asked and the last look is long enough ago, or the network stays as it is."""
        due = self.now() >= self.place[1] or time.perf_counter() > self.rest
        return self.inside is not None and self.asked.is_set() and due

    def look(self, params: Params, state: State) -> None:
        """Between two steps; the arrays are the training's own, and valid until the next one."""
        self.inner.look(params, state)
        if self.wants():
            self.inspect(params, state)

    def finish(self, record: Record) -> None:
        self.inner.finish(record)
        with self.lock:
            self.said["history"] = [*self.said["history"], record]

    def close(self) -> None:
        self.inner.close()
        with self.lock:
            self.said["ended"] = True

    # What a page is told.
    def tell(self) -> Record:
        """All that has been seen, as strict JSON; whoever asks is shown more at the next step."""
        self.asked.set()
        self.visited = time.monotonic()
        with self.lock:
            said = dict(self.said)
        if said["ended"]:
            self.told_end.set()
        return said

    def is_open(self) -> bool:
        """Whether somebody seems to be looking."""
        return time.monotonic() - self.visited < RECENT

    def now(self) -> float:
        """Epochs so far, with the part of the present one."""
        return round(self.place[0] + self.done / max(self.place[2], 1), 6)

    def inspect(self, params: Params, state: State) -> None:
        if self.inside is None:
            return
        began = time.perf_counter()
        self.asked.clear()
        model, loss, data, raw = self.inside
        x, y = data.x_train[:SAMPLES], data.y_train[:SAMPLES]
        with np.errstate(all="ignore"):
            gradient = grad(lambda p: loss(model.apply(p, state, x, training=True)[0], y))(params)
            names = model.names if isinstance(model, Sequential) else ()
            found = {"layers": layers(params, gradient, names), "mistakes": mistakes(model, params, state, data, raw)}
        with self.lock:
            self.said |= found | {"looked": self.now()}
        took = time.perf_counter() - began
        self.rest = time.perf_counter() + SHARE * took


def layers(params: Params, gradient: Tree, names: Sequence[str] = ()) -> list[Record]:
    """For each layer with parameters, in the order of the names: the histograms of weights and of their gradient."""
    groups: dict[str, tuple[list[Array], list[Array]]] = {}
    for (name, p), g in zip(named_leaves(params).items(), optree.tree_leaves(gradient)):
        both = groups.setdefault(name.rpartition(".")[0] or name, ([], []))
        both[0].append(np.ravel(p))
        both[1].append(np.ravel(g))
    place = {name: k for k, name in enumerate(names)}
    return [
        {"name": name, "weights": histogram(np.concatenate(w)), "gradient": histogram(np.concatenate(g))}
        for name, (w, g) in sorted(groups.items(), key=lambda group: place.get(group[0].partition(".")[0], 0))
    ]


def histogram(values: Array) -> Record:
    """How many values lie in each of BINS equal parts around 0, up to the greatest size; and their root mean square.

    >>> made = histogram(np.array([-1.0, 0.0, 0.0, 1.0, np.inf]))
    >>> made["most"], made["counts"][0], made["counts"][15], made["counts"][-1], made["lost"]
    (1.0, 1, 2, 1, 1)
    """
    x = np.asarray(values, np.float64)
    good = x[np.isfinite(x)]
    most = float(np.abs(good).max()) if good.size else 0.0
    counts = np.histogram(good, BINS, (-(most or 1.0), most or 1.0))[0]
    size = float(np.sqrt(np.mean(good * good))) if good.size else 0.0
    return {"counts": counts.tolist(), "most": most, "size": finite(size), "lost": int(x.size - good.size)}


def mistakes(model: Layer, params: Params, state: State, data: Dataset, raw: Dataset) -> list[Record]:
    """The surest wrong answers among the first test samples, with pixels where there are some."""
    few = slice(0, SAMPLES)
    truth = data.y_test[few]
    if not data.classes or not len(truth):
        return []
    shares = softmax(np.asarray(model.apply(params, state, data.x_test[few], training=False)[0], np.float64))
    said = shares.argmax(1)
    wrong = np.flatnonzero(said != truth)
    worst = wrong[np.argsort(-shares[wrong, said[wrong]], kind="stable")][:MISTAKES]
    return [
        {"sample": int(k), "said": data.classes[said[k]], "sure": finite(shares[k, said[k]]),
         "is": data.classes[truth[k]], **pixels(raw.x_test[k])}
        for k in worst
    ]  # fmt: skip


def pixels(sample: Array) -> Mapping[str, Value]:
    """An image as bytes of grey or of red, green and blue, row after row; nothing of what is no image."""
    if sample.ndim != 3:
        return {}
    shown = np.asarray(picture(sample), np.float64)
    low, high = float(shown.min()), float(shown.max())
    bytes_of = np.round(255 * (shown - low) / ((high - low) or 1.0)).astype(int)
    return {"height": shown.shape[0], "width": shown.shape[1], "pixels": bytes_of.ravel().tolist()}


def finite(x: float) -> float | None:
    """A number for JSON, which has no NaN; six digits are enough to be drawn."""
    return float(f"{float(x):.6g}") if np.isfinite(x) else None
