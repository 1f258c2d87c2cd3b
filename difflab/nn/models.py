"""Ready models, which the shell knows by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import pairwise

from ..errors import InputError
from .init import Scheme
from .layers.activations import ReLU
from .layers.convolution import Conv2d
from .layers.dropout import Dropout
from .layers.layer import Layer
from .layers.linear import Flatten, Linear
from .layers.normalisation import BatchNorm1d, BatchNorm2d
from .layers.pooling import AdaptiveAvgPool2d, MaxPool2d
from .layers.sequential import Sequential


def mlp(sizes: Sequence[int] = (784, 256, 128, 10), *, activation: Layer | None = None, batch_norm: bool = False,
        dropout: float = 0.0, init: Scheme | str | None = None) -> Sequential:  # fmt: skip
    """Linear layers of these sizes with an activation (ReLU) between them; images are flattened first.

    `init` is the scheme of nn.init that the weights of all layers start by, here and in the other models.

    >>> mlp((64, 32, 10)).names
    ('flatten', 'linear1', 'relu1', 'linear2')
    """
    if len(sizes) < 2:
        raise InputError(f"mlp: sizes={tuple(sizes)!r}; give at least those of the input and the output")
    activation = ReLU() if activation is None else activation
    layers: dict[str, Layer] = {"flatten": Flatten()}
    for k, (a, b) in enumerate(pairwise(sizes), 1):
        layers[f"linear{k}"] = Linear(a, b, init=init)
        if k < len(sizes) - 1:
            if batch_norm:
                layers[f"norm{k}"] = BatchNorm1d(b)
            layers[f"{type(activation).__name__.lower()}{k}"] = activation
            if dropout:
                layers[f"dropout{k}"] = Dropout(dropout)
    return Sequential(layers)


def lenet5(
    channels: int = 1, classes: int = 10, *, size: int = 28, batch_norm: bool = False, init: Scheme | str | None = None
) -> Sequential:
    """LeNet-5 with ReLU and max-pooling: two 5 x 5 convolutions of 6 and 16 filters, then 120, 84 and `classes` units.

    Images of 28 x 28 are padded by 2, as the 32 x 32 of the paper had a margin: LeCun, Bottou, Bengio and Haffner,
    Gradient-based learning applied to document recognition, 1998. `batch_norm` puts a BatchNorm behind every layer but
    the last. The activation follows the pooling: the same values as the other way round.
    """
    padding = 2 if size == 28 else 0
    side = ((size + 2 * padding - 4) // 2 - 4) // 2
    if side < 1:
        raise InputError(f"lenet5: images of {size} x {size} are too small for two 5 x 5 convolutions with pooling")
    layers: dict[str, Layer] = {}
    stages = (("1", Conv2d(channels, 6, 5, padding=padding, init=init), 6), ("2", Conv2d(6, 16, 5, init=init), 16))
    for k, conv, filters in stages:
        layers[f"conv{k}"] = conv
        if batch_norm:
            layers[f"norm{k}"] = BatchNorm2d(filters)
        layers |= {f"pool{k}": MaxPool2d(2), f"relu{k}": ReLU()}
    layers["flatten"] = Flatten()
    for k, (a, b) in (("3", (16 * side * side, 120)), ("4", (120, 84))):
        layers[f"linear{k}"] = Linear(a, b, init=init)
        if batch_norm:
            layers[f"norm{k}"] = BatchNorm1d(b)
        layers[f"relu{k}"] = ReLU()
    return Sequential(layers | {"linear5": Linear(84, classes, init=init)})


def cnn(channels: int = 1, classes: int = 10, *, size: int = 8, init: Scheme | str | None = None) -> Sequential:
    """A small network of 3 x 3 convolutions with batch norm, for images down to 8 x 8.

    >>> cnn().init(0)[0]["conv1"]["weight"].shape
    (32, 1, 3, 3)
    """
    if size < 4:
        raise InputError(f"cnn: images of {size} x {size} are too small to be pooled twice; give at least 4 x 4")
    side = size // 2 // 2
    return Sequential(
        {
            "conv1": Conv2d(channels, 32, 3, padding="same", init=init),
            "norm1": BatchNorm2d(32),
            "relu1": ReLU(),
            "pool1": MaxPool2d(2),
            "conv2": Conv2d(32, 64, 3, padding="same", init=init),
            "norm2": BatchNorm2d(64),
            "relu2": ReLU(),
            "pool2": MaxPool2d(2),
            "flatten": Flatten(),
            "dropout": Dropout(0.3),
            "linear": Linear(64 * side * side, classes, init=init),
        }
    )


VGG16 = (2, 64), (2, 128), (3, 256), (3, 512), (3, 512)  # convolutions and their filters, between poolings


def vgg16(
    classes: int = 1000,
    *,
    channels: int = 3,
    batch_norm: bool = False,
    dropout: float = 0.5,
    init: Scheme | str | None = None,
) -> Sequential:
    """VGG-16: 13 convolutions of 3 x 3 in five blocks that end in max-pooling, and three large linear layers.

    For images of 224 x 224; others, from 32 x 32 on, are brought to 7 x 7 before the linear layers. Parts, names and
    shapes of the parameters are torchvision's. Simonyan and Zisserman 2014, configuration D. The model is a
    description: its `init` would make 138 million numbers, `nn.summary` makes none.

    >>> from difflab import nn
    >>> nn.summary(vgg16(), (3, 224, 224)).parameters
    138357544
    """
    features: list[Layer] = []
    before = channels
    for count, filters in VGG16:
        for _ in range(count):
            norm = [BatchNorm2d(filters)] if batch_norm else []
            features += [Conv2d(before, filters, 3, padding=1, init=init), *norm, ReLU()]
            before = filters
        features.append(MaxPool2d(2))
    hidden = [
        part
        for a, b in ((512 * 7 * 7, 4096), (4096, 4096))
        for part in (Linear(a, b, init=init), ReLU(), Dropout(dropout))
    ]
    classifier = Sequential(*hidden, Linear(4096, classes, init=init))
    parts = {"features": Sequential(*features), "avgpool": AdaptiveAvgPool2d((7, 7)), "flatten": Flatten()}
    return Sequential(parts | {"classifier": classifier})


def for_images(
    name: str, shape: tuple[int, int, int], classes: int, batch_norm: bool = False, init: Scheme | str | None = None
) -> Sequential:
    """The model of this name for images of shape (channels, height, width)."""
    channels, height, width = shape
    if name == "mlp":
        hidden = (256, 128) if channels * height * width > 100 else (64,)
        return mlp((channels * height * width, *hidden, classes), batch_norm=batch_norm, init=init)
    if name not in MODELS:
        close = get_close_matches(name, MODELS, n=1)
        mend = f"did you mean {close[0]}?" if close else f"the models are {', '.join(MODELS)}"
        raise InputError(f"there is no model {name!r}; {mend}")
    if name == "vgg16":
        return vgg16(classes, channels=channels, batch_norm=batch_norm, init=init)
    if height != width:
        raise InputError(f"{name}: the images are {height} x {width}; it takes square ones, or use mlp")
    if name == "cnn":
        return cnn(channels, classes, size=height, init=init)
    return lenet5(channels, classes, size=height, batch_norm=batch_norm, init=init)


MODELS: dict[str, Callable[..., Sequential]] = {"mlp": mlp, "cnn": cnn, "lenet5": lenet5, "vgg16": vgg16}
