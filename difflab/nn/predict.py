"""What a trained network says of files: pictures, arrays, IDX files and tables."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import InputError, ShapeError
from ..reading import length, opened, read_array, read_bytes
from ..types import Array, FileName, Shape, Value
from .data.idx import read_idx
from .data.table import read_numbers
from .pictures import background, softmax
from .training.checkpoint import load_checkpoint
from .training.run import Run

LARGEST, LARGEST_PICTURE = 64_000_000, 500_000_000  # pixels; bytes of a file
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")  # none that another program is started for
# What Pillow's readers raise for a damaged picture.
DAMAGED_PICTURE = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError, RuntimeError,
    MemoryError, struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """The answer for one sample: a class and its probability, the runner-up, or the numbers of a regression.

    `seen` is the sample as the network got it, before it was normalised; `warning` says what is odd about its file.
    """

    source: str
    answer: str
    probability: float | None
    second: str | None
    values: tuple[float, ...]
    seen: Value = field(default=None, repr=False, compare=False)
    warning: str = ""


def predict(checkpoint: FileName, files: Sequence[FileName], *, invert: bool = False) -> list[Prediction]:
    """Answers for the samples in the files, in their order. Pictures are made grey and resized to the samples' size."""
    trained = load_checkpoint(checkpoint)
    try:
        shape, classes, mean, std = samples_of(trained.about)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(
            f"{checkpoint} does not say how its samples were made; predict with fit's Run in Python"
        ) from None
    run = Run(trained.model, trained.params, trained.state, [], about={"dtype": trained.about.get("dtype", "float32")})
    found = []
    for path in files:
        samples = read_samples(Path(path), shape, invert)
        scores = run.predict((samples - mean) / std)
        if scores.ndim != 2 or (classes and len(classes) != scores.shape[1]):
            raise InputError(
                f"{checkpoint} names {len(classes)} classes, and its outputs have shape {scores.shape[1:]}"
            )
        many, warning = len(samples) > 1, other_ground(str(path), samples, trained.about, invert)
        for k, row in enumerate(scores):
            told = answer(f"{path}[{k}]" if many else str(path), row, classes)
            found.append(replace(told, seen=samples[k], warning=warning))
    return found


def other_ground(path: str, samples: Array, about: Mapping[str, Value], invert: bool) -> str:
    """A warning where pictures are light at their edges and those of the training were dark, or the other way round."""
    if samples.ndim != 4 or not len(samples):
        return ""
    ground, known = background(samples), about.get("background")
    if isinstance(known, bool) or not isinstance(known, int | float):  # a checkpoint of an older run: by the mean
        known = 0.0 if np.mean(about["mean"]) < 0.4 else None
    if known is None or not abs(ground - known) > 0.5:
        return ""
    light = ["dark", "light"][ground > known]
    other = "without --invert" if invert else "with --invert"
    return (
        f"{path}: the background is {light} ({ground:.2f} from 0, black, to 1), that of the training pictures is "
        f"{'dark' if light == 'light' else 'light'} ({known:.2f}); try again {other}"
    )


def samples_of(about: Mapping[str, Value]) -> tuple[tuple[int, ...], list[str], Value, Value]:
    """How a checkpoint's samples were made: their shape, the classes, mean and deviation as (1, channels, 1, ...).

    Raises one of Python's own errors where it does not say so.
    """
    shape = tuple(int(n) for n in about["sample_shape"])
    if not shape or min(shape) < 1 or max(shape) > LARGEST:
        raise ValueError(f"samples of shape {shape}")
    wide = (1, -1, *(1,) * (len(shape) - 1))
    mean, std = (np.array(about[k], np.float32).reshape(wide) for k in ("mean", "std"))
    if not (np.isfinite(mean).all() and np.isfinite(std).all()):
        raise ValueError(f"a mean of {about['mean']} and a deviation of {about['std']}")
    if {mean.shape[1], std.shape[1]} - {1, shape[0]}:
        raise ValueError(f"{mean.shape[1]} means and {std.shape[1]} deviations of {shape[0]} channels")
    return shape, [str(c) for c in about["classes"]], mean, std


def answer(source: str, scores: Array, classes: list[str]) -> Prediction:
    values = tuple(float(v) for v in scores)
    if not classes:
        return Prediction(source, ", ".join(f"{v:.6g}" for v in values), None, None, values)
    p = softmax(np.asarray(scores, np.float64)[None])[0]
    order = np.argsort(-p, kind="stable")
    second = classes[order[1]] if len(order) > 1 else None
    return Prediction(source, classes[order[0]], float(p[order[0]]), second, tuple(float(v) for v in p))


def read_samples(path: Path, shape: Shape, invert: bool) -> Array:
    """The samples in a file as (n, *shape), scaled as the training data were before they were normalised."""
    if not path.is_file():
        raise InputError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    if "idx" in path.name.lower():
        x = read_idx(path)
    elif path.suffix.lower() == ".npy":
        x = read_npy(path)
    elif path.suffix.lower() == ".csv":
        x = read_numbers(path)
    else:
        return read_picture(path, shape, invert)
    x = x / 255 if x.size and x.dtype == np.uint8 and len(shape) == 3 else x
    whole = x.reshape((-1, *shape)) if x.size and x.size % int(np.prod(shape)) == 0 else None
    if whole is None or (x.ndim > 1 and x.size // len(x) not in (int(np.prod(shape)), x.size)):
        raise ShapeError(f"{path}: an array of shape {x.shape} does not divide into samples of shape {shape}")
    if not np.isfinite(whole).all():
        k = int(np.flatnonzero(~np.isfinite(whole).reshape(len(whole), -1).all(axis=1))[0])
        raise InputError(f"{path}: sample {k} holds {whole[k][~np.isfinite(whole[k])][0]:g}; give finite numbers")
    return whole.astype(np.float32)


def read_npy(path: Path) -> Array:
    with opened(path) as file:
        try:
            x = read_array(file, length(file))
        except InputError as error:
            raise InputError(f"{path} is not an array that can be read without pickle: {error}") from None
    if x.dtype.kind not in "fiu":
        raise InputError(f"{path} holds no array of numbers")
    return x


def read_picture(path: Path, shape: Shape, invert: bool) -> Array:
    if len(shape) != 3:
        raise InputError(f"{path}: the network reads rows of {shape[0]} numbers; give a .csv or .npy file")
    from PIL import Image, UnidentifiedImageError

    raw = read_bytes(path, LARGEST_PICTURE)
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
            if image.width * image.height > LARGEST:
                raise InputError(f"{path} has {image.width} x {image.height} pixels; that is too large")
            image.load()
            grey = image.convert("RGB" if shape[0] == 3 else "L")
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(f"{path} is not a picture that can be read: it is none of {', '.join(FORMATS)}") from None
    except (*DAMAGED_PICTURE, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not a picture that can be read: {error}") from None
    x = np.asarray(grey.resize((shape[2], shape[1]), Image.Resampling.BOX), np.float32) / 255
    x = np.moveaxis(x, -1, 0) if x.ndim == 3 else x[None]
    return (1 - x if invert else x)[None]
