"""Chapter 4, convolutional networks: images, windows, volumes and layers."""

# mypy: disable-error-code="attr-defined"
# The star import of nn is in a cycle of function-level imports, and mypy loses its names there.

from __future__ import annotations

import numpy as np

from .registry import figure


@figure("4-1-flatten", number="4.1")
def an_image_as_a_vector() -> object:
    """Figure 4.1: a dense layer takes an image row after row. Pixels keep their greys and lose their neighbours."""
    import difflab as dl

    image = np.array([[9, 7, 2, 0], [8, 9, 3, 1], [2, 5, 9, 4], [0, 1, 6, 9]])
    return dl.sketch.flatten(image)


@figure("4-2-dense-layer", number="4.2")
def a_dense_layer() -> object:
    """Figure 4.2: in a dense layer every output reads every input, each through a weight of its own."""
    import difflab as dl

    weights, bias = [[1, 0.5, -1, 2], [0, 1, 1, -0.5], [-2, 1, 0, 1]], [0.5, 0, -1]
    return dl.sketch.dense([2, -1, 3, 0.5], 3, weights, bias)


@figure("4-3-sliding-kernel", number="4.3")
def a_sliding_kernel() -> object:
    """Figure 4.3: the kernel slides over the image. Each place gives the sum of nine products. (It moves by itself.)"""
    import difflab as dl

    image = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
    return dl.sketch.convolution(image, [[0, 1, 2], [2, 2, 0], [0, 1, 2]], at=(1, 1), animate=True)


@figure("4-4-volumes", number="4.4")
def input_and_output_volume() -> object:
    """Figure 4.4: a window through all channels becomes one number for each kernel: 3 channels in, 6 out."""
    import difflab as dl
    from difflab import nn

    return dl.sketch.layers(nn.Conv2d(3, 6, 5), (3, 32, 32))


@figure("4-5-filtered-images", number="4.5")
def filtered_images() -> object:
    """Figure 4.5: what fixed kernels see in a photograph: a blur, the changes to the right and down, the spots."""
    from matplotlib import cbook
    from PIL import Image

    import difflab as dl

    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
        photo = np.asarray(image.convert("L"), float)
    small = photo[:600, :512].reshape(75, 8, 64, 8).mean(axis=(1, 3))
    kernels = dl.nn.kernels
    named = {"Gaussian": kernels.gaussian(9, 1.5), "Sobel x": kernels.sobel_x(), "Sobel y": kernels.sobel_y()}
    return dl.sketch.bank(small, {**named, "Laplacian": kernels.laplacian()})


@figure("4-6-a-bank-of-kernels", number="4.6")
def a_bank_of_kernels() -> object:
    """Figure 4.6: six kernels make six maps of one image. Stacked, they are the channels of the layer's output."""
    import difflab as dl

    image = np.kron(dl.nn.data.digits().x_train[3, 0], np.ones((2, 2)))
    kernels = dl.nn.kernels
    named = {"mean": kernels.box(3), "Sobel x": kernels.sobel_x(), "Sobel y": kernels.sobel_y()}
    return dl.sketch.bank(
        image, {**named, "spots": kernels.laplacian(), **{f"line {a}°": kernels.line(a) for a in (45, 135)}}
    )


@figure("4-7-three-layers", number="4.7")
def three_layers() -> object:
    """Figure 4.7: convolutions in a row. The kernels of a layer are as deep as the layer before has kernels."""
    import difflab as dl
    from difflab import nn

    return dl.sketch.layers(nn.Sequential(nn.Conv2d(3, 6, 5), nn.Conv2d(6, 10, 5), nn.Conv2d(10, 16, 3)), (3, 32, 32))


@figure("4-8-three-layers-with-relu", number="4.8")
def three_layers_with_relu() -> object:
    """Figure 4.8: the same with relu between. Without it the three would be one convolution."""
    import difflab as dl
    from difflab import nn

    relu = nn.ReLU()
    stack = nn.Sequential(nn.Conv2d(3, 6, 5), relu, nn.Conv2d(6, 10, 5), relu, nn.Conv2d(10, 16, 3), relu)
    return dl.sketch.layers(stack, (3, 32, 32))


@figure("4-9-padding", number="4.9")
def padding() -> object:
    """Figure 4.9: zeros around a 6 × 6 image make it 8 × 8; a 3 × 3 kernel then gives 6 × 6 again."""
    import difflab as dl

    return dl.sketch.padded(np.arange(36).reshape(6, 6) * 7 % 10, 1)


@figure("4-10-receptive-field", number="4.10")
def the_receptive_field() -> object:
    """Figure 4.10: one number behind two layers of 3 × 3 sees 5 × 5 pixels; the middle has more ways to it."""
    import difflab as dl

    return dl.sketch.receptive_field((3, 3), size=7)


@figure("4-11-strides", number="4.11")
def strides() -> object:
    """Figure 4.11: with stride 1 the window stops at every place, with stride 2 at every second one."""
    import difflab as dl

    return dl.sketch.strides(7, 3, (1, 2))


@figure("4-11-strides-rounded", number="4.11")
def strides_rounded_down_and_up() -> object:
    """Figure 4.11, uneven: rounded down, the last row is not read; rounded up, the last window hangs over the edge."""
    import difflab as dl

    return dl.sketch.beside(dl.sketch.strides(6, 3, 2), dl.sketch.strides(6, 3, 2, ceil_mode=True))


@figure("4-12-pooling", number="4.12")
def pooling() -> object:
    """Figure 4.12: pooling of 2 × 2 with stride 2, the largest number and the mean."""
    import difflab as dl

    image = np.array([[1, 3, 2, 9], [7, 4, 1, 5], [8, 2, 4, 2], [4, 6, 0, 0]])
    return dl.sketch.beside(dl.sketch.pooling(image, 2), dl.sketch.pooling(image, 2, kind="average"))


@figure("4-13-lenet-5", number="4.13")
def lenet_5_in_volumes() -> object:
    """Figure 4.13: LeNet-5 with the sizes of its values: 4704 numbers, then 1176, 1600, 400, and ten scores."""
    import difflab as dl

    return dl.sketch.layers(dl.nn.models.lenet5(), (1, 28, 28))


@figure("4-14-normalisations", number="4.14")
def which_numbers_share_statistics() -> object:
    """Figure 4.14: cells of one letter share a mean and a variance: a channel, an image, or a channel of an image."""
    import difflab as dl

    return dl.sketch.normalisations()
