"""The report page of a training run: curves, confusion, mistakes, kernels, activations, gradients."""

from __future__ import annotations

import html
from pathlib import Path

from ..files import write
from ..lab.report_page import report_page
from ..lab.schemes import pictured
from . import pictures
from .inspect import inspect
from .summary import summary
from .training.recipes import Outcome

SECTION = '<section id="{id}">\n<h2>{title}</h2>\n<p>{about}</p>\n{body}\n</section>'


def write_report(outcome: Outcome, folder: Path, force: bool = True) -> Path:
    """Writes report.html into the folder; nothing but that file is needed to read it."""
    return write(folder / "report.html", report(outcome), force=force)


def report(outcome: Outcome) -> str:
    """The page."""
    body = "\n".join(
        SECTION.format(id=f"s{k}", title=html.escape(title), about=html.escape(about), body=content)
        for k, (title, about, content) in enumerate(sections(outcome))
    )
    s = outcome.summary()
    title = f"{s['model']} on {s['data']}"
    lead = ", ".join(
        [f"{s['parameters']:,} parameters", f"{s['epochs']} epochs", f"{s['seconds']} seconds"]
        + ([f"test accuracy {s['test_accuracy']:.2%}"] if s["test_accuracy"] is not None else [])
    )
    made = f"<code>difflab train {html.escape(outcome.recipe.model)} --data\n{html.escape(outcome.recipe.data)}</code>"
    return report_page(title, f"{lead}.", body, made)


def sections(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Title, a sentence and the content of each section; what a network has no picture of is left out."""
    run, data, raw = outcome.run, outcome.data, outcome.raw
    found = [
        (
            "Learning curves",
            "The mean loss and the share of right answers in each epoch; in training they are means over the epoch, "
            "while the weights still change.",
            pictured(lambda: pictures.learning_curves(run.history), "loss and accuracy by epoch"),
        )
    ]
    few = slice(0, min(len(data.x_test), 10_000))
    if data.classes and len(data.x_test):
        scores = run.predict(data.x_test[few])
        truth = data.y_test[few]
        found.append(
            (
                "Confusion",
                "Rows are the truth, columns the network's answer, over the test samples.",
                pictured(lambda: pictures.confusion(truth, scores.argmax(1), data.classes), "confusion matrix"),
            )
        )
        if len(data.shape) == 3:
            wrong = lambda: pictures.mistakes(raw.x_test[few], scores, truth, data.classes)
            found.append(("The surest mistakes", "Wrong answers by the probability they were given.",
                          pictured(wrong, "misclassified test images")))  # fmt: skip
    kernels = pictured(lambda: pictures.first_kernels(run.model, run.params), "learned kernels")
    found.append(("Kernels of the first layer", "Red is positive, blue negative.", kernels))
    if len(data.shape) == 3 and len(data.x_test):
        maps = lambda: pictures.activation_maps(run.model, run.params, run.state, data.x_test[0])
        found.append(("Activations", "What the layers make of the first test image, up to eight channels each.",
                      pictured(maps, "activation maps")))  # fmt: skip
    batch = slice(0, min(256, len(data.x_train)))
    looked = inspect(run.model, run.params, run.state, data.x_train[batch], data.y_train[batch],
                     outcome.recipe.make_loss(data))  # fmt: skip
    histograms = pictured(looked.plot, "histograms by layer")
    found.append(("Activations and gradients by layer", looked.verdict(), histograms))
    table = summary(run.model, data.shape, params=run.params)
    found.append(("The network", "Shapes are those of one sample.", f'<div class="scroll">{table._repr_html_()}</div>'))
    return [section for section in found if section[2]]
