# %% [markdown]
# # 18. Recurrent networks and attention
#
# After this lesson you can
#
# - write a recurrent network as a loop, and say what its gradient is: a sum over time of products over time;
# - measure how gradients vanish and explode, and repair an LSTM that cannot remember with one number;
# - write attention in three lines, and see in its Jacobian which places can look at which.

# %% [markdown]
# ## A loop with a memory
#
# A recurrent network reads a sequence $x_1, \dots, x_T$ one element at a time and keeps a state $h$:
#
# $$h_t = \tanh(W h_{t-1} + U x_t) .$$
#
# The same $W$ and $U$ serve at every step. In Python that is a `for`, and `dl.scan` is the same loop as one operation:
# a function that takes the state and an element, and gives the next state and an output.

# %%
import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

F = nn.functional
rng = np.random.default_rng(0)
T, n, m = 12, 5, 3
W, U, xs = rng.normal(size=(n, n)) / 3, rng.normal(size=(n, m)), rng.normal(size=(T, m))


def unrolled(W):
    h = np.zeros(n)
    for x in xs:
        h = np.tanh(W @ h + U @ x)
    return np.sum(h**2)


def scanned(W):
    def step(h, x):
        h = np.tanh(W @ h + U @ x)
        return h, h

    return np.sum(dl.scan(step, np.zeros(n), xs)[0] ** 2)


assert np.isclose(unrolled(W), scanned(W), rtol=1e-14)
assert len(dl.trace(unrolled, W).order) > 3 * len(dl.trace(scanned, W).order)  # the scan is recorded once

# %% [markdown]
# ## Backpropagation through time
#
# $W$ is one matrix that is used $T$ times. Lesson 5 said what happens to a value used many times: its adjoint is the
# sum of the contributions. So give each step its own copy $W_t$, differentiate, and add up:
#
# $$\frac{dL}{dW} = \sum_{t=1}^{T} \frac{\partial L}{\partial W_t} .$$
#
# This has a name of its own, backpropagation through time, but it needs no new rule.


# %%
def with_copies(copies):
    h = np.zeros(n)
    for W_t, x in zip(copies, xs):
        h = np.tanh(W_t @ h + U @ x)
    return np.sum(h**2)


parts = dl.grad(with_copies)(np.stack([W] * T))
assert np.allclose(parts.sum(0), dl.grad(unrolled)(W), rtol=1e-12)
assert np.allclose(dl.grad(scanned)(W), dl.grad(unrolled)(W), rtol=1e-12)
np.linalg.norm(parts, axis=(1, 2)).round(3).tolist()

# %% [markdown]
# Read the norms from right to left: the last steps contribute a lot, the first ones hardly anything. What happened at
# the beginning of the sequence is nearly invisible to the gradient.

# %% [markdown]
# ## Vanishing and exploding
#
# From step $T$ back to step $t$ the gradient is multiplied by one Jacobian for each step between:
#
# $$\frac{\partial h_T}{\partial h_t} = \prod_{k=t+1}^{T} \operatorname{diag}(1 - h_k^2) \, W .$$
#
# If $W$ is $\rho$ times a rotation, and tanh is left out, each factor changes the length by exactly $\rho$. After
# 40 steps that is $\rho^{40}$.


# %%
def influence(rho, squash, steps=40, size=16):
    """How strongly the last state depends on the input of each step: the norm of the gradient."""
    rng = np.random.default_rng(1)
    rotation = np.linalg.qr(rng.normal(size=(size, size)))[0]
    inputs, direction = 0.1 * rng.normal(size=(steps, size)), rng.normal(size=size)

    def answer(inputs):
        step = lambda h, x: (squash(rho * rotation @ h + x), None)
        return direction @ dl.scan(step, np.zeros(size), inputs)[0]

    return np.linalg.norm(dl.grad(answer)(inputs), axis=1)[::-1]  # [k]: k steps before the end


identity = lambda z: z
for rho in (0.5, 1.0, 1.5):
    norms = influence(rho, identity)
    assert np.allclose(norms[1:] / norms[:-1], rho, rtol=1e-9)
assert influence(0.5, np.tanh)[-1] < 1e-10  # vanished
assert influence(1.5, identity)[-1] > 1e6  # exploded
assert influence(1.5, np.tanh)[-1] < 1e-2 * influence(1.5, identity)[-1]  # tanh brakes: its slope is below 1

# %%
figure, axes = plt.subplots(figsize=(6.5, 3.6))
for rho, colour in ((0.5, "tab:blue"), (1.0, "tab:green"), (1.5, "tab:red")):
    axes.semilogy(influence(rho, identity), "--", color=colour, label=f"linear, rho = {rho}")
    axes.semilogy(influence(rho, np.tanh), color=colour, label=f"tanh, rho = {rho}")
axes.set(xlabel="steps before the end", ylabel="norm of the gradient", title="How far back a gradient reaches")
axes.legend(fontsize=8, ncol=2)
figure

# %% [markdown]
# ## A gate
#
# A long short-term memory (LSTM) has a second state $c$ that is not squashed at each step but scaled by a gate
# $f$ between 0 and 1, and added to:
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t, \qquad \frac{\partial c_t}{\partial c_{t-1}} = f_t
# \text{ (along this path)} .$$
#
# Where the network opens the gate, $f \approx 1$, the gradient goes back unharmed. Let us test it: 30 random symbols
# out of four, and the question is which one came *first*.


# %%
def sequences(count, length, seed):
    symbols = np.random.default_rng(seed).integers(0, 4, (count, length))
    return np.eye(4, dtype=np.float32)[symbols], symbols[:, 0]


data = (*sequences(2000, 30, 0), *sequences(500, 30, 1))
model = nn.Sequential({"lstm": nn.Outputs(nn.LSTM(4, 16, batch_first=True), last=True), "out": nn.Linear(16, 4)})


def accuracy_with(forget_bias):
    params, state = model.init(0, dtype=np.float32)
    params["lstm"]["bias_ih_l0"][16:32] = forget_bias  # the gates stand in the order i, f, g, o
    adam = nn.optim.Adam(lr=0.01)
    run = nn.fit(model, data, optimiser=adam, epochs=12, batch_size=50, params=params, state=state, progress=False)
    return max(epoch["test_accuracy"] for epoch in run.history)


ordinary, open_gate = accuracy_with(0.0), accuracy_with(4.0)
print(f"better than 40 %? forget bias 0: {ordinary > 0.4}, forget bias 4: {open_gate > 0.4}")
assert ordinary < 0.4  # guessing gives 0.25
assert open_gate > 0.8

# %% [markdown]
# The LSTM in its usual state learns nothing. At the start its gates are half open, and $0.5^{30}$ is nothing. One
# number, a bias that opens the gate to $\sigma(4) \approx 0.98$, makes it learn. The architecture *can* keep gradients
# alive; whether it does depends on where it starts.

# %%
sigmoid = lambda z: 1 / (1 + np.exp(-z))
assert sigmoid(0.0) ** 30 < 1e-8
assert sigmoid(4.0) ** 30 > 0.5

# %% [markdown]
# ## Attention: look instead of remember
#
# Why carry the first symbol through 30 steps, if the network can look it up? Each place offers a key $k_j$ and a value
# $v_j$, and a query $q$ asks for a mixture of the values, weighted by how well the keys match:
#
# $$\operatorname{attention}(Q, K, V) = \operatorname{softmax}\!\left(\frac{Q K^{\mathsf T}}{\sqrt d}\right) V .$$


# %%
def attention(Q, K, V):
    scores = Q @ K.T / np.sqrt(K.shape[-1])
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return weights / np.sum(weights, axis=-1, keepdims=True) @ V


Q, K, V = rng.normal(size=(3, 6, 4))
assert np.allclose(attention(Q, K, V), F.scaled_dot_product_attention(Q, K, V))

order = rng.permutation(6)
assert np.allclose(attention(Q[order], K[order], V[order]), attention(Q, K, V)[order])

# %% [markdown]
# The second assertion says what attention lacks: shuffle the sequence and the outputs are shuffled along. It does not
# know what came first. That is why positions are added to the inputs.
#
# What may look at what is visible in the Jacobian. With a causal mask, place $i$ sees the places $j \le i$ only, and
# the derivative of output $i$ by input $j$ is zero above the diagonal.


# %%
def causal(x):
    return F.scaled_dot_product_attention(x, x, x, is_causal=True)


J = dl.jacobian(causal)(V)  # (6, 4, 6, 4): output place and channel, input place and channel
sees = np.abs(J).sum((1, 3)) > 0
assert J.shape == (6, 4, 6, 4)
assert np.array_equal(sees, np.tri(6, dtype=bool))
sees.astype(int)

# %% [markdown]
# Below the diagonal no entry is small because it is far away: between any two places lies *one* step. So attention
# should find the first symbol easily. A whole model: symbols and positions as vectors, one learned query, one matrix.


# %%
def start(seed, width=16):
    rng = np.random.default_rng(seed)
    return {
        "symbol": rng.normal(size=(4, width)) / 2,
        "place": rng.normal(size=(30, width)),
        "query": rng.normal(size=(1, width)),
        "out": rng.normal(size=(width, 4)) / 4,
    }


def answer(params, x):
    tokens = x @ params["symbol"] + params["place"]
    return F.scaled_dot_product_attention(params["query"], tokens, tokens)[..., 0, :] @ params["out"]


adam = nn.optim.Adam(lr=0.01)


@dl.compile
def update(params, memory, x, y):
    gradient = dl.grad(lambda p: F.cross_entropy(answer(p, x), y))(params)
    return adam.update(params, gradient, memory)


x, y, x_test, y_test = data
params = start(0)
memory = adam.init(params)
for epoch in range(15):
    for batch in nn.data.batches(len(x), 50, epoch=epoch):
        params, memory = update(params, memory, x[batch].astype(float), y[batch])

right = np.mean(answer(params, x_test).argmax(-1) == y_test)
assert right > 0.99

# %%
tokens = x_test @ params["symbol"] + params["place"]
weights = F.softmax(params["query"] @ np.swapaxes(tokens, 1, 2) / 4, -1)[:, 0]
assert np.allclose(weights.sum(1), 1)
assert weights.mean(0).argmax() == 0  # nobody told it to look at the first place

figure, axes = plt.subplots(figsize=(6.5, 2.6))
axes.bar(range(1, 31), weights.mean(0), color="tab:green")
axes.set(xlabel="place in the sequence", ylabel="mean weight", title="Where the trained query looks")
figure

# %% [markdown]
# ## Exercises
#
# **1.** An exploding gradient can be cut to a maximal length with `nn.optim.clip_grad_norm`. Show on a gradient of
# norm 500 that its direction stays what it was.

# %% tags=["solution"]
g = {"W": rng.normal(size=(4, 4)), "b": rng.normal(size=4)}
scale = 500 / np.sqrt(sum(np.sum(a**2) for a in g.values()))
g = {name: scale * a for name, a in g.items()}
clipped, norm = nn.optim.clip_grad_norm(g, 1.0)
assert np.isclose(norm, 500)
assert np.isclose(sum(np.sum(a**2) for a in clipped.values()), 1.0, rtol=1e-5)
assert all(np.allclose(clipped[name] * 500, g[name], rtol=1e-5) for name in g)

# %% [markdown]
# **2.** Why divide by $\sqrt d$? Take queries and keys of standard normal numbers with $d = 256$. How large are the
# scores, and what is the derivative of the weights by the scores, with and without the division?


# %% tags=["solution"]
def steepness(divisor, d=256, places=20):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(50):
        scores = rng.normal(size=d) @ rng.normal(size=(d, places)) / divisor
        found.append(np.linalg.norm(dl.jacobian(F.softmax)(scores, -1)))
    return np.mean(found)


spread = np.std([rng.normal(size=256) @ rng.normal(size=256) for _ in range(2000)])
assert np.isclose(spread, 16, rtol=0.1)  # the square root of d
assert steepness(16.0) > 2 * steepness(1.0)  # undivided, one weight is nearly 1 and its slope nearly 0
print(f"divided {steepness(16.0):.2f}, undivided {steepness(1.0):.2f}")

# %% [markdown]
# **3.** How much of the gradient comes through the open gate? Compute $\partial c_T / \partial c_0$ of a chain
# $c_t = f \, c_{t-1} + i$ with $f = \sigma(b)$ for $T = 30$ and $b = 0, 2, 4$, with the engine and by hand.


# %% tags=["solution"]
def last_cell(c0, b):
    return dl.scan(lambda c, i: (c / (1 + np.exp(-b)) + i, None), c0, np.ones(30))[0]


for b in (0.0, 2.0, 4.0):
    assert np.isclose(dl.grad(last_cell)(0.3, b), sigmoid(b) ** 30, rtol=1e-12)
[float(round(sigmoid(b) ** 30, 4)) for b in (0.0, 2.0, 4.0)]

# %% [markdown]
# ## What to read next
#
# - Hochreiter and Schmidhuber, *Long short-term memory* (1997); Bengio, Simard and Frasconi, *Learning long-term
#   dependencies with gradient descent is difficult* (1994).
# - Vaswani et al., *Attention is all you need* (2017), section 3.
# - Goodfellow, Bengio and Courville, *Deep Learning*, chapter 10.
# - Lesson 19 learns without labels.
