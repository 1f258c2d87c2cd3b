# %% [markdown]
# # 10. Convolution
#
# After this lesson you can
#
# - blur a photograph and find its edges, and say which kernel does it and why;
# - compute the size of an output from padding and stride, and what part of the image it depends on;
# - explain what a convolution is as a matrix, where its gradient comes from, and learn a kernel from examples.

# %% [markdown]
# ## A weighted sum that slides
#
# Take a small array of weights, the *kernel* $k$. Put it on the image, multiply what lies on top of each other, add
# up, write down the number. Move on by one pixel:
#
# $$y_{ij} = \sum_{p, q} k_{pq} \, x_{i+p,\, j+q} .$$

# %%
import numpy as np
import scipy.signal
from matplotlib import cbook, pyplot as plt
from PIL import Image

import difflab as dl
from difflab import nn

F = nn.functional
x = np.arange(20.0).reshape(4, 5) ** 2
k = np.array([[1.0, 2.0], [0.0, -1.0]])


def slide(x, k):
    (H, W), (h, w) = x.shape, k.shape
    return np.array([[np.sum(k * x[i : i + h, j : j + w]) for j in range(W - w + 1)] for i in range(H - h + 1)])


by_library = F.conv2d(x[None, None], k[None, None])  # axes: image of the batch, channel, row, column
assert np.allclose(by_library[0, 0], slide(x, k)) and by_library.shape == (1, 1, 3, 4)
dl.sketch.convolution(x, k, at=(1, 2), animate=True)

# %% [markdown]
# In mathematics this is called *cross-correlation*. A *convolution* first turns the kernel by 180 degrees. It has the
# nicer algebra: a single bright pixel makes a picture of the kernel, and the order does not matter. For kernels that
# are learned the difference is only in which way up they are stored, so deep-learning libraries leave the turn out.

# %%
pixel = np.zeros((5, 5))
pixel[2, 2] = 1
assert np.array_equal(F.convolve2d(pixel, k, "full")[2:4, 2:4], k)  # a picture of the kernel
assert np.array_equal(slide(pixel, k)[1:3, 1:3], k[::-1, ::-1])  # upside down
assert np.allclose(F.convolve2d(x, k, "full"), F.convolve2d(k, x, "full"))  # they change places
assert np.allclose(F.convolve2d(x, k, "full"), scipy.signal.convolve2d(x, k))

# %% [markdown]
# ## A photograph
#
# Grace Hopper, who wrote one of the first compilers, in a photograph of the U.S. Navy that comes with matplotlib. Two
# kinds of kernels:
#
# - **Gaussian**: a mean, with weights that fall with the distance. It removes what is fine, noise as well as detail.
# - **Sobel**: the difference of neighbours in one direction, a mean in the other. It is a derivative of the image.
#
# $$G_x = \begin{pmatrix} -1 & 0 & 1 \\ -2 & 0 & 2 \\ -1 & 0 & 1 \end{pmatrix}
# = \begin{pmatrix} 1 \\ 2 \\ 1 \end{pmatrix} \begin{pmatrix} -1 & 0 & 1 \end{pmatrix} .$$

# %%
with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
    photo = np.asarray(image.convert("L").resize((192, 225)), float) / 255

apply = lambda x, k: F.convolve2d(x, k, "same", flip=False)
blurred = apply(photo, nn.kernels.gaussian(13, 2.5))
gx, gy = apply(photo, nn.kernels.sobel_x()), apply(photo, nn.kernels.sobel_y())
edges = np.hypot(gx, gy)  # the length of the image's gradient

figure, axes = plt.subplots(1, 5, figsize=(10, 2.9), layout="constrained")
shown = {"photograph": photo, "Gaussian, 2.5 px": blurred, "Sobel x": gx, "Sobel y": gy, "edges": -edges}
for place, (name, picture) in zip(axes, shown.items()):
    low, high = np.percentile(picture[2:-2, 2:-2], [1, 99])
    place.imshow(picture, cmap="gray", vmin=low, vmax=high)
    place.set_title(name, fontsize=10)
    place.axis("off")
figure

# %% [markdown]
# Why is it a derivative? On a picture that rises evenly, like $a i + b j$, Sobel gives 8 times the slope, everywhere:
# $2 \cdot 4$, because the neighbours are two pixels apart and the weights 1, 2, 1 add up to 4.

# %%
i, j = np.mgrid[:12, :12]
ramp = 0.3 * i - 0.7 * j
assert np.allclose(F.convolve2d(ramp, nn.kernels.sobel_x(), flip=False), 8 * -0.7)
assert np.allclose(F.convolve2d(ramp, nn.kernels.sobel_y(), flip=False), 8 * 0.3)
assert np.allclose(F.convolve2d(ramp, nn.kernels.gaussian(5, 1.0)), ramp[2:-2, 2:-2])  # a mean keeps a slope

# %% [markdown]
# A convolutional layer has many kernels, a *bank*. Each makes a map of its own; stacked they are the channels of the
# layer's output. On a digit, eight pixels wide and enlarged:

# %%
digit = np.kron(nn.data.digits().x_train[3, 0], np.ones((2, 2)))
mean, spots = nn.kernels.box(3), nn.kernels.laplacian()
named = {"mean": mean, "Sobel x": nn.kernels.sobel_x(), "Sobel y": nn.kernels.sobel_y(), "spots": spots}
maps = F.conv2d(digit[None, None], np.stack(list(named.values()))[:, None], padding=1)
assert maps.shape == (1, 4, 16, 16)
assert np.allclose(maps[0, 3], F.conv2d(digit[None, None], spots[None, None], padding=1)[0, 0])
dl.sketch.bank(digit, named)

# %% [markdown]
# Gaussian and Sobel are *separable*: a column times a row. Then two thin passes do the work of a thick one, and 13 by
# 13 = 169 products for each pixel become 26. And a blur of a blur is a wider blur: the variances add.

# %%
thick = nn.kernels.gaussian(13, 2.5)
row = thick.sum(0, keepdims=True)
assert np.allclose(row.T @ row, thick)
assert np.allclose(F.convolve2d(F.convolve2d(photo, row), row.T), F.convolve2d(photo, thick))
assert thick.size == 169 and 2 * row.size == 26

twice = F.convolve2d(nn.kernels.gaussian(49, 3.0), nn.kernels.gaussian(49, 4.0), "full")
assert np.allclose(twice, nn.kernels.gaussian(97, 5.0), atol=1e-7)  # 9 + 16 = 25

# %% [markdown]
# ## A matrix with few numbers
#
# A convolution is linear, so it *is* a matrix: its Jacobian. Here is one in one dimension. A dense layer from 8 to 6
# numbers would have 48 free weights. This has 3, the same in each row, moved by one: most are zero (the layer looks
# *locally*), and the rest are *shared*.

# %%
kernel = np.array([1.0, 2.0, 3.0])
J = dl.jacobian(lambda x: F.conv1d(x[None], kernel[None, None])[0])(np.zeros(8))
assert J.shape == (6, 8) and np.count_nonzero(J) == 6 * 3
assert all(np.array_equal(J[r, r : r + 3], kernel) for r in range(6))
J.astype(int)

# %% [markdown]
# Sharing has a consequence. Move the image, and the result moves along: whatever finds an edge here finds it there.

# %%
moved = np.roll(photo, (5, 9), axis=(0, 1))
assert np.allclose(apply(moved, nn.kernels.sobel_x())[8:-2, 12:-2], gx[3:-7, 3:-11])

# %% [markdown]
# ## The backward pass
#
# Nothing new is needed. Upstream comes $G = \partial L/\partial y$. From $y_{ij} = \sum k_{pq} x_{i+p, j+q}$ one reads
# off
#
# $$\frac{\partial L}{\partial k_{pq}} = \sum_{i,j} G_{ij} \, x_{i+p, j+q}, \qquad
# \frac{\partial L}{\partial x_{mn}} = \sum_{p,q} G_{m-p,\, n-q} \, k_{pq} .$$
#
# The gradient by the kernel slides $G$ over the image. The gradient by the image is a true convolution of $G$ with
# the kernel, turned, as the transposed matrix demands.

# %%
rng = np.random.default_rng(0)
x, k, G = rng.normal(size=(6, 7)), rng.normal(size=(3, 2)), rng.normal(size=(4, 6))
y, pullback = dl.vjp(lambda x, k: F.convolve2d(x, k, flip=False), x, k)
by_x, by_k = pullback(G)
assert np.allclose(by_k, slide(x, G))
assert np.allclose(by_x, F.convolve2d(G, k, "full"))

# %% [markdown]
# With a gradient a kernel can be *learned*. Show the program the photograph and its edges, and let it find out what
# made them. It starts from nothing.

# %%
patch, target = photo[40:140, 40:140], gx[41:139, 41:139]
wrong = lambda k: np.mean((F.convolve2d(patch, k, flip=False) - target) ** 2)
learned = nn.optim.minimize(wrong, np.zeros((3, 3)), nn.optim.LBFGS(), 300, tolerance=1e-12)
assert np.allclose(learned.params, nn.kernels.sobel_x(), atol=1e-3)
learned.params.round(2) + 0.0  # no negative zeros

# %% [markdown]
# ## Padding and stride
#
# A kernel of size $K$ fits into $H$ pixels $H - K + 1$ times. *Padding* by $P$ puts zeros around the image; with
# $P = (K - 1)/2$ the size stays. A *stride* $S$ moves on by $S$ pixels instead of one. Together
#
# $$H' = \left\lfloor \frac{H + 2P - K}{S} \right\rfloor + 1 .$$
#
# In the picture each number stands in the middle of a window and at its place in the output.

# %%
dl.sketch.strides(7, 3, (1, 2))

# %% [markdown]
# Zeros are black: the blurred photograph has a dim rim, where part of the kernel hangs over the edge.

# %%
for H, K, P, S in [
    (28, 5, 0, 1),
    (28, 5, 2, 1),
    (32, 5, 0, 1),
    (28, 2, 0, 2),
    (7, 3, 1, 2),
    (8, 3, 1, 2),
    (11, 4, 3, 3),
]:
    y = F.conv1d(np.zeros((1, 1, H)), np.zeros((1, 1, K)), padding=P, stride=S)
    assert y.shape[-1] == (H + 2 * P - K) // S + 1

full = F.conv2d(photo[None, None], nn.kernels.sobel_x()[None, None])
assert apply(np.ones((20, 20)), nn.kernels.gaussian(13, 2.5))[0, 0] < 0.4  # a white wall, in its corner
half = F.conv2d(photo[None, None], nn.kernels.sobel_x()[None, None], stride=2)
assert np.allclose(half, full[..., ::2, ::2])  # a stride computes only what is kept
full.shape, half.shape

# %% [markdown]
# ## The receptive field
#
# Which pixels can one number of a deep layer see? The engine answers: those by which its gradient is not zero. Each
# layer of 3 by 3 adds one pixel on each side, so $L$ of them see $1 + 2L$. A stride multiplies what comes after it.


# %%
def seen(layers, size=31):
    """The gradient of one output in the middle, by the image."""
    model = nn.Sequential(*layers)
    params, state = model.init(0)
    params = {name: {key: np.full_like(p, 1 / p.size) for key, p in own.items()} for name, own in params.items()}
    x = np.ones((1, 1, size, size))

    def middle(x):
        y, _ = model.apply(params, state, x, training=False)
        return y[0, 0, y.shape[2] // 2, y.shape[3] // 2]

    return dl.grad(middle)(x)[0, 0]


conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
stacks = {"1 layer": [conv], "3 layers": [conv] * 3, "8 layers": [conv] * 8}
stacks["3 layers, stride 2"] = [nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)] * 3
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for place, (name, layers) in zip(axes, stacks.items()):
    g = seen(layers)
    wide = np.count_nonzero(g.any(0))
    assert (wide, wide) == nn.receptive_field(nn.Sequential(*layers))
    place.imshow(np.sqrt(g), cmap="magma")  # the root, so that the pale rim is visible
    place.set(title=f"{name}:\n{wide} x {wide} pixels", xticks=[], yticks=[])
figure.suptitle("What one number in the middle can see")

g = seen([conv] * 8)
assert np.count_nonzero(g) == 17**2
assert g[11:20, 11:20].sum() > 0.9 * g.sum()  # the middle 9 x 9 decide nearly everything
nn.receptive_field(nn.Sequential(*stacks["3 layers, stride 2"]))

# %% [markdown]
# What surprises is the shape. Being *able* to see is not being heard: a mean of a mean of a mean is a bell curve, and
# the rim has hardly any weight. Two layers are enough to see why: the corner of the 5 by 5 has one way to the number
# at the end, the pixel in the middle has nine.

# %%
ways = seen([nn.Conv2d(1, 1, 3, bias=False)] * 2, size=5) * 81  # the weights of `seen` are 1/9
assert np.allclose(ways, np.outer([1, 2, 3, 2, 1], [1, 2, 3, 2, 1]))
dl.sketch.receptive_field((3, 3), size=7)

# %% [markdown]
# ## Pooling
#
# *Max-pooling* keeps the largest of each 2 by 2 pixels. It has no weights. The image becomes a quarter, the field of
# all later layers doubles, and a feature may move a little without any change. Backward, the gradient goes to the
# winner alone. *Average pooling* is a convolution with equal weights and a stride.

# %%
x = np.array([[1.0, 5.0, 0.0, 2.0], [3.0, 4.0, 7.0, 6.0]])[None, None]
y, pullback = dl.vjp(lambda x: F.max_pool2d(x, 2), x)
assert y.ravel().tolist() == [5, 7]
assert pullback(np.array([[[[10.0, 20.0]]]]))[0].tolist() == [[[[0, 10, 0, 0], [0, 0, 20, 0]]]]
dl.sketch.pooling(x[0, 0], 2, at=(0, 1), animate=True)

# %%
mean = np.full((1, 1, 2, 2), 0.25)
assert np.allclose(F.avg_pool2d(photo[None, None], 2), F.conv2d(photo[None, None], mean, stride=2))

dot = np.zeros((1, 1, 6, 6))
dot[..., 2, 2] = 1
shifted = np.roll(dot, 1, axis=3)
assert np.array_equal(F.max_pool2d(dot, 2), F.max_pool2d(shifted, 2))  # the same window: unchanged
assert not np.array_equal(F.max_pool2d(dot, 2), F.max_pool2d(np.roll(dot, 2, axis=3), 2))  # not for every move

# %% [markdown]
# ## Exercises
#
# **1.** LeNet-5 takes 32 by 32 pixels through 5 by 5 (6 kernels), pooling by 2, 5 by 5 (16 kernels), pooling by 2.
# Give all sizes, and the receptive field at the end.

# %% tags=["solution"]
size = lambda H, K, S=1: (H - K) // S + 1
sizes = [32]
for K, S in ((5, 1), (2, 2), (5, 1), (2, 2)):
    sizes.append(size(sizes[-1], K, S))
assert sizes == [32, 28, 14, 10, 5]
stages = nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2))
assert stages.apply(*stages.init(0), np.zeros((1, 1, 32, 32)), training=False)[0].shape == (1, 16, 5, 5)
field = 1 + 4 + 1 + 2 * 4 + 2 * 1  # after the first pooling every step counts for 2 pixels
assert (field, field) == nn.receptive_field(stages) == (16, 16)

# %% [markdown]
# **2.** Which kernels are separable? A column times a row is a matrix of rank 1. Test Gaussian, Sobel and Laplacian,
# and write any 3 by 3 kernel as a sum of at most three separable ones.

# %% tags=["solution"]
rank = np.linalg.matrix_rank
assert rank(nn.kernels.gaussian(5, 1.0)) == rank(nn.kernels.sobel_x()) == 1
assert rank(nn.kernels.laplacian()) == 2
k = rng.normal(size=(3, 3))
U, s, Vt = np.linalg.svd(k)
parts = [s[r] * np.outer(U[:, r], Vt[r]) for r in range(3)]
assert np.allclose(sum(F.convolve2d(photo, part) for part in parts), F.convolve2d(photo, k))

# %% [markdown]
# **3.** The transposed convolution is the backward pass used forwards. Show with the dot-product test of lesson 6
# that `F.conv_transpose2d` is the transpose of `F.conv2d` with stride 2.

# %% tags=["solution"]
w = rng.normal(size=(1, 1, 3, 3))
v = rng.normal(size=(1, 1, 9, 9))
down = F.conv2d(v, w, stride=2)
u = rng.normal(size=down.shape)
up = F.conv_transpose2d(u, w, stride=2)
assert down.shape == (1, 1, 4, 4) and up.shape == v.shape
assert np.isclose(np.sum(u * down), np.sum(up * v), rtol=1e-12)
assert np.allclose(up, dl.vjp(lambda v: F.conv2d(v, w, stride=2), v)[1](u)[0])

# %% [markdown]
# ## What to read next
#
# - Gonzalez and Woods, *Digital Image Processing*, chapters 3 and 10: filters and edges.
# - Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
# - Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field" (2016).
# - Lesson 11: a network that learns its kernels.
