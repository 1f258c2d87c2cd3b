# %% [markdown]
# # 11. LeNet-5 on real images
#
# After this lesson you can
#
# - build LeNet-5, and say where its parameters are and where its work is;
# - test a network before training it, train it, and read curves, confusions and mistakes;
# - look inside, and measure what convolutions are good for.

# %% [markdown]
# ## The images
#
# Fashion-MNIST: photographs of clothes, 28 by 28 pixels in grey, ten classes. 10,000 of the 60,000 are enough here.
# Where the data set is not on the machine, the handwritten digits that come with difflab take its place, each pixel
# blown up to 3 by 3. (The pages of this lesson were made with the clothes.)

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl
from difflab import nn
from difflab.nn import pictures

F = nn.functional


def enlarged(images):
    return np.pad(np.kron(images, np.ones((3, 3), np.float32)), ((0, 0), (0, 0), (2, 2), (2, 2)))


try:
    data, epochs = nn.data.load("fashion-mnist"), 5
    raw, raw_test = data.x_train[:10000], data.x_test[:2000]
except dl.DifflabError:
    data, epochs = nn.data.digits(), 10
    raw, raw_test = enlarged(data.x_train), enlarged(data.x_test)

x, x_test, mean, std = nn.data.normalize(raw, raw_test)
y, y_test = data.y_train[: len(x)], data.y_test[: len(x_test)]
assert x.shape[1:] == (1, 28, 28) and len(data.classes) == 10
assert np.isclose(x.mean(), 0, atol=1e-3) and np.isclose(x.std(), 1, atol=1e-3)

figure, axes = plt.subplots(3, 10, figsize=(9, 3.3), layout="constrained")
for k, column in enumerate(axes.T):
    for place, image in zip(column, raw[y == k]):
        place.imshow(image[0], cmap="gray_r")
        place.set(xticks=[], yticks=[])
    column[-1].set_xlabel(data.classes[k], fontsize=9)
figure.suptitle("Three images of each class")
figure

# %% [markdown]
# ## The network
#
# Two rounds of convolution and pooling make few pixels with many meanings out of many pixels with few. Three linear
# layers decide. This is the LeNet-5 of 1998 with relu and max-pooling, which came later. The padding of 2 makes
# the 32 by 32 pixels that the paper had.

# %%
model = nn.Sequential(
    {
        "conv1": nn.Conv2d(1, 6, 5, padding=2),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(6, 16, 5),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "linear3": nn.Linear(400, 120),
        "relu3": nn.ReLU(),
        "linear4": nn.Linear(120, 84),
        "relu4": nn.ReLU(),
        "linear5": nn.Linear(84, 10),
    }
)
table = nn.summary(model, (1, 28, 28))
table

# %%
dl.sketch.layers(model, (1, 28, 28))

# %% [markdown]
# A convolution from $c$ to $c'$ channels with kernels of $K \times K$ has $(c K^2 + 1)\, c'$ parameters, however large
# the image is. But each of them works at every place. So the two convolutions hold a twentieth of the parameters and
# do most of the work.

# %%
rows = {row.name: row for row in table.rows}
assert rows["conv1"].parameters == (1 * 25 + 1) * 6 and rows["conv2"].parameters == (6 * 25 + 1) * 16
convolutions = [rows["conv1"], rows["conv2"]]
assert table.parameters == 61_706
assert sum(r.parameters for r in convolutions) < table.parameters / 20
assert sum(r.flops for r in convolutions) > 0.8 * table.flops

# %% [markdown]
# ## Before training: three tests
#
# Training hides mistakes: a network with a wrong gradient still learns something. Three tests take seconds.
#
# 1. **The first loss.** A network that knows nothing gives ten equal probabilities: the loss is near $\log 10$.
# 2. **The gradient.** Its product with a random direction is a directional derivative; compare it with a central
#    difference (in float64, and with a tiny step: a larger one walks over kinks of relu and max. Lesson 2).
# 3. **Twenty images.** A network that cannot learn twenty images by heart will not learn anything.

# %%
params, state = model.init(0)
scores, _ = model.apply(params, state, x[:500].astype(float), training=False)
assert np.isclose(F.cross_entropy(scores, y[:500]), np.log(10), atol=0.1)


# %%
def loss(params):
    scores, _ = model.apply(params, state, x[:16].astype(float), training=True)
    return F.cross_entropy(scores, y[:16])


rng = np.random.default_rng(0)
direction = {layer: {name: rng.normal(size=p.shape) for name, p in own.items()} for layer, own in params.items()}


def along(h):
    moved = {a: {b: p + h * direction[a][b] for b, p in own.items()} for a, own in params.items()}
    return loss(moved)


gradient = dl.grad(loss)(params)
predicted = sum(np.sum(gradient[a][b] * direction[a][b]) for a in params for b in params[a])
h = 1e-7
assert np.isclose(predicted, (along(h) - along(-h)) / (2 * h), rtol=1e-4)
assert np.isclose(predicted, dl.jvp(loss, (params,), (direction,))[1], rtol=1e-10)  # forward mode agrees, too

# %%
adam = nn.optim.Adam(lr=3e-3)
few = nn.fit(model, (x[:20], y[:20]), "cross_entropy", adam, epochs=60, batch_size=20, progress=False)
assert few.history[-1]["train_accuracy"] == 1.0 and few.history[-1]["train_loss"] < 0.05

# %% [markdown]
# ## Training
#
# Adam with weights that decay a little (AdamW), and a rate that first rises and then falls to nothing: fast progress
# in the middle, no dance around the minimum at the end (lesson 8).

# %%
B = 64
rate = nn.optim.OneCycleLR(4e-3, epochs * -(-len(x) // B), pct_start=0.2)
samples = (x, y, x_test, y_test)
run = nn.fit(model, samples, "cross_entropy", nn.optim.AdamW(lr=rate), epochs=epochs, batch_size=B, progress=False)
last = run.history[-1]
assert last["test_accuracy"] > 0.83
assert last["train_loss"] < run.history[0]["train_loss"] / 2
assert last["test_accuracy"] < last["train_accuracy"] + 0.02  # what was never seen is harder

figure = pictures.learning_curves(run.history)
figure.suptitle("Training and test, epoch by epoch")
figure

# %% [markdown]
# A look at a gap is worth more than a look at a curve. Where test and training part, the network has begun to learn
# its samples by heart. More images help then: `difflab train lenet5 --data fashion-mnist` takes all of them.

# %% [markdown]
# ## What it confuses
#
# Rows are the truth, columns the answer. Mistakes are not spread evenly: they sit where people would hesitate.

# %%
scores = run.predict(x_test)
answers = scores.argmax(1)
assert np.isclose(np.mean(answers == y_test), last["test_accuracy"], atol=1e-3)
counts = np.zeros((10, 10), int)
np.add.at(counts, (y_test, answers), 1)
pairs = counts + counts.T - 2 * np.diag(np.diag(counts))
assert np.triu(pairs).max() > 4 * np.triu(pairs).sum() / 45  # the worst of the 45 pairs against their mean

figure = pictures.confusion(y_test, answers, data.classes)
figure.suptitle("Confusions on the test set")
figure

# %% [markdown]
# The mistakes it was surest of. Some are embarrassing, some are the label's.

# %%
p = F.softmax(scores, 1)
wrong = np.flatnonzero(answers != y_test)
surest = wrong[np.argsort(-p[wrong, answers[wrong]])][:8]
assert p[surest[0]].max() > 0.5  # it gave the wrong class more than even odds

figure, axes = plt.subplots(1, len(surest), figsize=(10, 2), layout="constrained", squeeze=False)
for place, k in zip(axes[0], surest):
    place.imshow(raw_test[k, 0], cmap="gray_r")
    place.set(xticks=[], yticks=[])
    place.set_xlabel(f"says {data.classes[answers[k]]}\nis {data.classes[y_test[k]]}", fontsize=8)
figure.suptitle("Wrong, and sure of it")
figure

# %% [markdown]
# ## Looking inside
#
# One image on its way. The six maps of the first convolution are still pictures: edges in one direction or another,
# bright sides and dark ones. Behind the second they are few pixels, each of which says that something is there.

# %%
figure = pictures.activation_maps(model, run.params, run.state, x_test[0], count=6)
figure.suptitle("What the layers make of one image")
figure

# %% [markdown]
# ## What convolutions are good for
#
# A rival without them: an MLP with as many parameters, trained in the same way. On centred images it is not much
# worse. Now move the test images by two pixels, which neither has seen in training.

# %%
rival = nn.models.mlp((784, 70, 64, 10))
assert abs(nn.summary(rival, (1, 28, 28)).parameters / table.parameters - 1) < 0.05
dense = nn.fit(rival, samples, "cross_entropy", nn.optim.AdamW(lr=rate), epochs=epochs, batch_size=B, progress=False)


def moved_accuracy(run, pixels):
    moves = [(pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)]
    guesses = [run.predict(np.roll(x_test[:1000], move, axis=(2, 3))).argmax(1) for move in moves]
    return np.mean(np.array(guesses) == y_test[:1000])


curves = {"LeNet-5": run, "MLP": dense}
curves = {name: [moved_accuracy(r, k) for k in range(5)] for name, r in curves.items()}
assert curves["LeNet-5"][0] > curves["MLP"][0] - 0.02
assert curves["LeNet-5"][2] > curves["MLP"][2] + 0.04  # the convolutions forgive

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for (name, values), style in zip(curves.items(), ("o-", "s--")):
    axes.plot(values, style, label=name)
axes.set(xlabel="pixels moved", ylabel="recognised", xticks=range(5), ylim=(0, 1), title="Images that are not centred")
axes.legend()
figure

# %% [markdown]
# Convolutions move along with the image, pooling forgives a pixel or two. The linear layers behind them do not: after
# four pixels LeNet is lost as well.

# %% [markdown]
# ## Exercises
#
# **1.** How many parameters would the first layer need if it were dense, with the same output of 6 by 28 by 28?
# And what is the factor to the convolution?

# %% tags=["solution"]
dense_count = (28 * 28 + 1) * (6 * 28 * 28)
assert dense_count == nn.summary(nn.Sequential(nn.Flatten(), nn.Linear(784, 4704)), (1, 28, 28)).parameters
assert round(dense_count / rows["conv1"].parameters) == 23_671

# %% [markdown]
# **2.** Relu and max-pooling may change places. Why? Which of the two orders costs less?

# %% tags=["solution"]
z = rng.normal(size=(2, 6, 28, 28))
first_relu, first_pool = F.max_pool2d(F.relu(z), 2), F.relu(F.max_pool2d(z, 2))
assert np.array_equal(first_relu, first_pool)  # relu never turns an order around, so the winner stays the winner
assert first_pool.size * 4 == z.size  # after pooling relu has a quarter of the work
v = rng.normal(size=first_pool.shape)
before = dl.vjp(lambda z: F.max_pool2d(F.relu(z), 2), z)[1](v)[0]
assert np.allclose(before[z > 0], dl.vjp(lambda z: F.relu(F.max_pool2d(z, 2)), z)[1](v)[0][z > 0])

# %% [markdown]
# **3.** Teach the network what it does not know: move each training image by up to 3 pixels at random, train again,
# and measure at two pixels.

# %% tags=["solution"]
moves = rng.integers(-3, 4, size=(len(x), 2))
shaken = np.stack([np.roll(image, m, axis=(1, 2)) for image, m in zip(x, moves)])
short = nn.optim.OneCycleLR(4e-3, (epochs - 2) * -(-len(x) // B), pct_start=0.2)
sturdy = nn.fit(model, (shaken, y), "cross_entropy", nn.optim.AdamW(lr=short), epochs=epochs - 2, progress=False)
assert moved_accuracy(sturdy, 2) > curves["LeNet-5"][2] + 0.02

# %% [markdown]
# ## What to read next
#
# - LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), sections 2
#   and 3.
# - Xiao, Rasul and Vollgraf, "Fashion-MNIST" (2017): the data.
# - Zeiler and Fergus, "Visualizing and understanding convolutional networks" (2014).
# - Lesson 12: keeping the numbers between the layers in bounds.
