# %% [markdown]
# # 12. Normalisation
#
# After this lesson you can
#
# - say what batch, layer, instance and group norm average over, and write all four as one function;
# - derive their backward pass, and say what training and inference do differently;
# - measure what normalisation buys, at ten times the learning rate too, and fold it away when training is over.

# %% [markdown]
# ## One formula
#
# Lesson 9 showed how the size of numbers drifts from layer to layer, and that the right start keeps it in bounds, at
# the start. Normalisation keeps it there for ever. Take a set of numbers, subtract their mean, divide by their
# standard deviation, and give the network two learned numbers to undo it where it likes:
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad y = \gamma \, \hat x + \beta .$$
#
# The methods differ in one thing only: *which* numbers share a mean. The values of a convolutional layer have the axes
# $(N, C, H, W)$, image of the batch, channel, row and column.
#
# | norm | averages over | one mean for each |
# |---|---|---|
# | batch | $N, H, W$ | channel |
# | layer | $C, H, W$ | image |
# | instance | $H, W$ | image and channel |
# | group | $H, W$ and the channels of a group | image and group |

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl
from difflab import nn

F = nn.functional
rng = np.random.default_rng(0)


def normalised(x, axes, eps=1e-5):
    mean = np.mean(x, axis=axes, keepdims=True)
    variance = np.mean((x - mean) ** 2, axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)


x = 3 + 2 * rng.normal(size=(8, 6, 5, 5)) * rng.uniform(0.1, 2, (8, 6, 1, 1))
assert np.allclose(normalised(x, (0, 2, 3)), F.batch_norm(x, None, None, training=True))
assert np.allclose(normalised(x, (1, 2, 3)), F.layer_norm(x, (6, 5, 5)))
assert np.allclose(normalised(x, (2, 3)), F.instance_norm(x))
groups = x.reshape(8, 2, 3, 5, 5)  # two groups of three channels
assert np.allclose(normalised(groups, (2, 3, 4)).reshape(x.shape), F.group_norm(x, 2))

y = normalised(x, (0, 2, 3))
assert np.allclose(y.mean((0, 2, 3)), 0) and np.allclose(y.std((0, 2, 3)), 1, atol=1e-4)  # each channel
assert np.abs(y.mean((2, 3))).max() > 0.1  # but not each image

# %% [markdown]
# ## Four cubes
#
# Figure 4.14: the batch to the right, the channels to the back, all pixels upwards. The numbers in orange share one
# mean and one variance.

# %%
N, C, P = 5, 6, 5  # images, channels, pixels
image, channel, pixel = np.indices((N, C, P))
share = {
    "batch norm": channel == 0,
    "layer norm": image == 0,
    "instance norm": (image == 0) & (channel == 0),
    "group norm": (image == 0) & (channel < 3),
}
assert [int(s.sum()) for s in share.values()] == [N * P, C * P, P, 3 * P]

figure = plt.figure(figsize=(11, 3.2))
for k, (name, chosen) in enumerate(share.items()):
    place = figure.add_subplot(1, 4, k + 1, projection="3d")
    colours = np.where(chosen[..., None], (0.95, 0.6, 0.2, 1.0), (0.9, 0.93, 0.97, 1.0))
    place.voxels(np.ones((N, C, P), bool), facecolors=colours, edgecolor="dimgray", linewidth=0.5, shade=False)
    place.text(N / 2, 0, -1.1, "N", ha="center")
    place.text(N + 0.3, C / 2, -0.9, "C", ha="center")
    place.text(-0.4, 0, P / 2, "H, W", ha="right")
    place.set_title(name)
    place.set_box_aspect((N, C, P), zoom=1.0)
    place.view_init(elev=22, azim=-55)
    place.set_axis_off()
figure.subplots_adjust(left=0.03, right=0.99, top=0.92, bottom=0.04, wspace=0.05)
figure

# %% [markdown]
# In the picture one sees who is whose neighbour. Batch norm mixes *images*: what the network says about yours depends
# on who else is in the batch. The others do not. And instance norm forgets the contrast and the brightness of each
# image, channel by channel, which is bad for telling day from night, and good for painting in another style.

# %%
contrast, brightness = rng.uniform(1, 3, (8, 6, 1, 1)), rng.normal(size=(8, 6, 1, 1))
assert np.allclose(F.instance_norm(contrast * x + brightness, eps=0.0), F.instance_norm(x, eps=0.0))
assert not np.allclose(F.batch_norm(contrast * x + brightness, None, None, training=True), y, atol=0.1)

# %%
small = rng.normal(size=(4, 3))  # four samples of three features
by_batch = dl.jacobian(lambda x: F.batch_norm(x, None, None, training=True))(small)
by_layer = dl.jacobian(lambda x: F.layer_norm(x, (3,)))(small)
met = lambda J: (np.abs(J) > 1e-12).any((1, 3))  # does sample i of the output depend on sample j of the input?
assert met(by_batch).all()
assert np.array_equal(met(by_layer), np.eye(4, dtype=bool))
met(by_layer).astype(int)

# %% [markdown]
# ## The backward pass
#
# $x$ enters $\hat x$ on three ways: directly, through the mean, and through the variance. Lesson 5 says: add up. With
# $g = \partial L / \partial \hat x$ and means over the shared numbers,
#
# $$\frac{\partial L}{\partial x}
# = \frac{1}{\sqrt{\sigma^2 + \varepsilon}} \left( g - \overline{g} - \hat x \, \overline{g \hat x} \right) .$$
#
# Read it as a projection: from $g$ is removed whatever points along a common shift, and whatever points along $\hat x$
# itself. Those are the two changes of $x$ that the norm makes undone, so nothing can depend on them.

# %%
axes = (0, 2, 3)
g = rng.normal(size=x.shape)
average = lambda a: np.mean(a, axis=axes, keepdims=True)
by_formula = (g - average(g) - y * average(g * y)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
_, pullback = dl.vjp(lambda x: F.batch_norm(x, None, None, training=True), x)
by_engine = pullback(g)[0]
assert np.allclose(by_engine, by_formula, rtol=1e-9, atol=1e-12)
assert np.allclose(average(by_engine), 0, atol=1e-12)  # no common shift
assert np.allclose(average(by_engine * y), 0, atol=1e-4)  # nothing along x itself, up to epsilon

# %% [markdown]
# Something remarkable follows. The *length* of the weights in front of a norm does not matter any more. So their
# gradient stands at a right angle to them, and is the smaller the longer they are: a step that is too large makes the
# weights longer, and the next step is smaller in proportion. The network brakes by itself.

# %%
data, target = rng.normal(size=(64, 10)), rng.normal(size=(64, 4))
W = rng.normal(size=(10, 4))


def loss(W):
    return np.mean((F.batch_norm(data @ W, None, None, training=True, eps=0.0) - target) ** 2)


slope = dl.grad(loss)(W)
assert np.isclose(loss(5 * W), loss(W), rtol=1e-12)
assert np.allclose(dl.grad(loss)(5 * W), slope / 5)
assert np.allclose(np.sum(slope * W, axis=0), 0, atol=1e-12)

# %% [markdown]
# ## Training and inference
#
# A single image has no batch. So batch norm keeps *running* statistics while it trains, a moving mean of what it has
# seen, and uses those afterwards. Like dropout it is a layer with two modes, and forgetting to say which is one of the
# most frequent bugs there are. That is why `training` has no default in `apply`.

# %%
layer = nn.BatchNorm1d(3)
params, state = layer.init(0)
stream = lambda: np.array([5.0, 0.0, -2.0]) + np.array([1.0, 3.0, 0.1]) * rng.normal(size=(32, 3))
for _ in range(200):
    _, state = layer.apply(params, state, stream(), training=True)
assert np.allclose(state["running_mean"], [5, 0, -2], atol=0.6)
assert np.allclose(np.sqrt(state["running_var"]), [1, 3, 0.1], rtol=0.2)

one = stream()[:1]
alone, _ = layer.apply(params, state, one, training=False)
together, _ = layer.apply(params, state, np.concatenate([one, 100 + stream()]), training=False)
assert np.allclose(alone[0], together[0])  # in inference the company does not matter
other, _ = layer.apply(params, state, np.concatenate([one, 100 + stream()]), training=True)
assert not np.allclose(other[0], alone[0], atol=0.5)  # in training it does

# %% [markdown]
# ## What it buys
#
# Digits, a network of six layers, and weights that start too small by a factor of 3. Without norms the images die
# out on their way (lesson 9). What does the last hidden layer say at the start: how large are its numbers, and how
# similar are the answers to two different images (the cosine of the angle between them, in the mean)?

# %%
digits = nn.data.digits()
width, depth = 64, 5


def network(norm):
    layers = [nn.Flatten()]
    for _ in range(depth):  # 64 pixels, then 64 units in each layer
        layers += [nn.Linear(64, width), *([norm] if norm else []), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def small_start(model):
    params, state = model.init(0)
    for name, layer in zip(model.names, model.layers):
        if isinstance(layer, nn.Linear):
            params[name] = {key: p / 3 for key, p in params[name].items()}
    return params, state


def last_hidden(model):
    params, state = small_start(model)
    h = digits.x_test
    for name, layer in list(zip(model.names, model.layers))[:-1]:
        h, _ = layer.apply(params[name], state[name], h, training=True)
    unit = h / np.linalg.norm(h, axis=1, keepdims=True)
    return float(np.sqrt(np.mean(h**2))), float(np.mean(unit @ unit.T))


norms = {"none": None, "batch norm": nn.BatchNorm1d(width), "layer norm": nn.LayerNorm(width)}
found = {name: last_hidden(network(norm)) for name, norm in norms.items()}
assert found["none"][0] < 0.1 < 0.5 < found["layer norm"][0]  # both norms keep the size
assert found["none"][1] > 0.999  # every image gets the same answer
assert found["batch norm"][1] < 0.1 and 0.4 < found["layer norm"][1] < 0.8
for name, (size, cosine) in found.items():
    print(f"{name}: size {size:.2f}, similarity {cosine:.2f}")

# %% [markdown]
# This is the surprise: *size* is only half of the story. What an image is recognised by are differences to other
# images. Layer norm looks at one image and cannot keep them; batch norm looks at all of them, and does. Training shows
# it.


# %%
def train(norm):
    model = network(norm)
    params, state = small_start(model)
    sgd = nn.optim.SGD(lr=0.02, momentum=0.9)
    return nn.fit(model, digits, "cross_entropy", sgd, 6, 64, params=params, state=state, progress=False)


runs = {name: train(norm) for name, norm in norms.items()}
losses = {name: [h["train_loss"] for h in run.history] for name, run in runs.items()}
assert losses["none"][-1] > 2.2  # log 10 is 2.30: it has learned nothing
assert losses["batch norm"][-1] < 0.2 and losses["layer norm"][-1] < 0.5
assert losses["batch norm"][1] < losses["layer norm"][1]
assert runs["batch norm"].history[-1]["test_accuracy"] > 0.9

figure, place = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
for (name, values), style in zip(losses.items(), ("o-", "s-", "^-")):
    place.semilogy(range(1, len(values) + 1), values, style, label=name)
place.set(xlabel="epoch", ylabel="training loss", title="Six layers that start too small")
place.legend()
figure

# %% [markdown]
# ## Ten times the learning rate
#
# There the weights started badly. Now they start well, by He's scheme (`init="he"`) with relu, and the plain network
# learns at a rate of 0.05. What do both do when the rate grows to ten times as much? A step that is too long throws
# the plain network to where it says the same of every digit, and one in ten is right. With batch norm the length of
# the weights does not matter, and the network brakes by itself, as above.


# %%
def learned(norm, rate):
    """The test accuracy, and how many different answers there are."""
    layers = [nn.Flatten()]
    for _ in range(depth):
        layers += [nn.Linear(64, width, init="he"), *([norm] if norm else []), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(width, 10))
    sgd = nn.optim.SGD(lr=rate, momentum=0.9)
    try:
        run = nn.fit(model, digits, "cross_entropy", sgd, 6, 64, progress=False)
    except dl.DifflabError:  # fit stops where the loss is no number any more: class 0 for every digit
        return float(np.mean(digits.y_test == 0)), 1
    return run.history[-1]["test_accuracy"], len(set(run.predict(digits.x_test).argmax(1).tolist()))


rates = (0.05, 0.1, 0.2, 0.5)
with np.errstate(all="ignore"):
    found = {name: [learned(norms[name], rate) for rate in rates] for name in ("none", "batch norm")}
reached = {name: [accuracy for accuracy, _ in results] for name, results in found.items()}
assert reached["none"][0] > 0.85 and reached["batch norm"][0] > 0.95
assert reached["none"][-1] < 0.15 and found["none"][-1][1] == 1  # at ten times the rate: one answer for all
assert reached["batch norm"][-1] > 0.92

figure, place = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for (name, values), style in zip(reached.items(), ("o-", "s-")):
    place.plot(rates, values, style, label=name)
place.axhline(0.1, color="gray", linestyle=":", label="guessing")
place.set(xscale="log", xlabel="learning rate", ylabel="test accuracy", ylim=(0, 1.03), title="After six epochs")
place.set_xticks(rates, [f"{rate:g}" for rate in rates])
place.minorticks_off()
place.legend()
words = lambda accuracy: "over 90%" if accuracy > 0.92 else "over 80%" if accuracy > 0.85 else "guessing"
for name, values in reached.items():  # in words: the last digits of a training are the machine's
    print(f"{name}: {words(values[0])} at {rates[0]}, {words(values[-1])} at {rates[-1]}")
figure

# %% [markdown]
# ## Folding
#
# In inference the statistics are constants. Then batch norm is a multiplication and an addition for each channel, and
# the linear layer or convolution in front can do both on the side:
#
# $$\gamma \, \frac{(w * x + b) - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta
# = \underbrace{(s\, w)}_{\text{new kernel}} * \, x + \underbrace{s\,(b - \mu) + \beta}_{\text{new bias}},
# \qquad s = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} .$$

# %%
model = nn.Sequential(
    {
        "conv": nn.Conv2d(1, 8, 3, padding=1),
        "norm": nn.BatchNorm2d(8),
        "relu": nn.ReLU(),
        "pool": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(128, 10),
    }
)
run = nn.fit(model, digits, "cross_entropy", nn.optim.Adam(lr=5e-3), epochs=6, progress=False)
assert run.history[-1]["test_accuracy"] > 0.93

w, b = run.params["conv"]["weight"], run.params["conv"]["bias"]
gamma, beta = run.params["norm"]["weight"], run.params["norm"]["bias"]
mu, variance = run.state["norm"]["running_mean"], run.state["norm"]["running_var"]
s = gamma / np.sqrt(variance + 1e-5)
images = digits.x_test
two = F.batch_norm(F.conv2d(images, w, b, padding=1), mu, variance, gamma, beta)
one = F.conv2d(images, s[:, None, None, None] * w, s * (b - mu) + beta, padding=1)
assert np.allclose(one, two, atol=1e-4)  # float32

# %% [markdown]
# `nn.fold_batchnorm` does it for a whole model. The answers are the same, and a layer is gone.

# %%
folded, folded_params, folded_state = nn.fold_batchnorm(model, run.params, run.state)
assert "norm" not in folded.names and len(folded.names) == len(model.names) - 1
before, _ = model.apply(run.params, run.state, images, training=False)
after, _ = folded.apply(folded_params, folded_state, images, training=False)
assert np.allclose(before, after, rtol=1e-3, atol=1e-4)
assert np.allclose(folded_params["conv"]["weight"], s[:, None, None, None] * w, rtol=1e-5)
nn.summary(model, (1, 8, 8)).flops, nn.summary(folded, (1, 8, 8)).flops

# %% [markdown]
# ## Exercises
#
# **1.** A linear layer in front of a batch norm may leave its bias out. Why? Show it with a gradient.

# %% tags=["solution"]
shifted = lambda b: np.mean((F.batch_norm(data @ W + b, None, None, training=True) - target) ** 2)
assert np.allclose(dl.grad(shifted)(rng.normal(size=4)), 0, atol=1e-12)  # the mean takes every bias away again

# %% [markdown]
# **2.** Batch norm on batches of two. What is left of the inputs? What does layer norm leave of two features?

# %% tags=["solution"]
pairs = rng.normal(size=(2, 1000))
assert np.allclose(np.abs(F.batch_norm(pairs, None, None, training=True, eps=0.0)), 1)  # which one was larger: a sign
assert np.allclose(np.abs(F.layer_norm(rng.normal(size=(1000, 2)), (2,), eps=0.0)), 1)
flat = dl.jacobian(lambda x: F.batch_norm(x, None, None, training=True, eps=0.0))(np.array([[0.3], [1.0]]))
assert np.allclose(flat, 0, atol=1e-9)  # and no gradient at all comes through

# %% [markdown]
# **3.** Group norm has two ends. Which number of groups makes it layer norm, and which instance norm?

# %% tags=["solution"]
assert np.allclose(F.group_norm(x, 1), F.layer_norm(x, x.shape[1:]))
assert np.allclose(F.group_norm(x, 6), F.instance_norm(x))

# %% [markdown]
# ## What to read next
#
# - Ioffe and Szegedy, "Batch normalization" (2015); Ba, Kiros and Hinton, "Layer normalization" (2016); Ulyanov,
#   Vedaldi and Lempitsky, "Instance normalization" (2016); Wu and He, "Group normalization" (2018).
# - Santurkar, Tsipras, Ilyas and Madry, "How does batch normalization help optimization?" (2018).
# - Lesson 18: layer norm's home, sequences and attention.
# - Lesson 13: what becomes of all these formulas when a gradient is compiled.
