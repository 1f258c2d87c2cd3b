# %% [markdown]
# # 25. A transformer
#
# After this lesson you can
#
# - build a decoder-only transformer from its parts, and say what each part is there for;
# - prove with gradients that it does not look ahead, and use that to learn from every place of a sentence at once;
# - train one on a small language, let it speak, and read in its attention *how* it does it.

# %% [markdown]
# ## A language of two commands
#
# A sentence is a command, a word of six letters, `=` and an answer. After `+` the answer is the word, after `-` it is
# the word backwards:
#
#     +bafcea=bafcea        -bafcea=aecfab
#
# There are $2 \cdot 6^6 = 93\,312$ sentences. A fifth of the words is kept for testing, and is never seen in training.

# %%
import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

F = nn.functional
SYMBOLS, N = "abcdef+-=", 6
PLUS, MINUS, EQUALS = 6, 7, 8
ANSWER = N + 1  # the place of `=`, from which the answer is spoken


def sentences(count, rng, test=False):
    words = rng.integers(0, 6, (12 * count, N))
    words = words[(words.sum(1) % 5 == 0) == test][:count]
    back = rng.integers(0, 2, (count, 1))
    answers = np.where(back, words[:, ::-1], words)
    return np.concatenate([PLUS + back, words, np.full((count, 1), EQUALS), answers], 1)


def spelled(tokens):
    return "".join(SYMBOLS[k] for k in tokens)


unseen = sentences(500, np.random.default_rng(99), test=True)
assert unseen.shape == (500, 2 * N + 2)
[spelled(s) for s in unseen[3:7]]

# %% [markdown]
# ## Where am I?
#
# Lesson 18 showed that attention does not know what came first. So each place $t$ adds a code of its own to the vector
# of its symbol: pairs of sine and cosine, like hands of clocks that run at different speeds,
#
# $$p_t = (\sin \omega_1 t, \cos \omega_1 t, \sin \omega_2 t, \cos \omega_2 t, \dots),
# \qquad \omega_k = 10000^{-2(k-1)/d} .$$
#
# Why not simply the number $t$? Because "three places back" should look the same everywhere. For these codes it does:
# going on by $s$ places turns each hand by the same angle, so one matrix $R_s$ does it for all $t$, and the product
# $p_t \cdot p_{t+s}$ depends on $s$ alone.

# %%
codes = nn.PositionalEncoding(32).apply({}, {}, np.zeros((64, 32)), training=False)[0]
R = np.linalg.lstsq(codes[:-3], codes[3:], rcond=None)[0]  # the matrix that goes on by three
assert np.allclose(codes[:-3] @ R, codes[3:], atol=1e-8)
products = codes @ codes.T
assert np.allclose(products[5, 9], products[40, 44]) and np.allclose(products[5, 9], products[9, 5])
assert np.all(products.argmax(1) == np.arange(64))  # every place is most similar to itself

figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
axes[0].imshow(codes[:32].T, cmap="coolwarm", aspect="auto")
axes[0].set(xlabel="place", ylabel="entry of the code", title="the code of each place")
axes[1].plot(np.arange(-20, 21), products[20, :41], color="tab:green")
axes[1].set(xlabel="distance of two places", title="how similar their codes are")
figure

# %% [markdown]
# ## A block
#
# A block reads a vector $x_t$ at each place and adds to it twice. First what attention brings from other places, then
# what a small network makes of each place by itself:
#
# $$h = x + \operatorname{attention}(\operatorname{norm}(x)), \qquad
# y = h + W_2 \operatorname{gelu}(W_1 \operatorname{norm}(h)) .$$
#
# That is all. `nn.TransformerEncoderLayer` is this block, with PyTorch's names. With `is_causal` place $t$ sees the
# places up to $t$ only, which makes it the block of a *decoder*, the kind of transformer that writes.

# %%
D = 32
settings = dict(dropout=0.0, activation="gelu", batch_first=True, norm_first=True, is_causal=True)
block = nn.TransformerEncoderLayer(D, 1, 2 * D, **settings)


def by_hand(p, x):
    def norm(name, x):
        return F.layer_norm(x, (D,), p[name]["weight"], p[name]["bias"])

    attention = p["self_attn"]
    parts = F.linear(norm("norm1", x), attention["in_proj_weight"], attention["in_proj_bias"])
    query, key, value = np.split(parts, 3, axis=-1)
    found = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    h = x + F.linear(found, attention["out_proj"]["weight"], attention["out_proj"]["bias"])
    inner = F.gelu(F.linear(norm("norm2", h), p["linear1"]["weight"], p["linear1"]["bias"]))
    return h + F.linear(inner, p["linear2"]["weight"], p["linear2"]["bias"])


p, state = block.init(0)
x = np.random.default_rng(1).normal(size=(3, 10, D))
assert np.allclose(block.apply(p, state, x, training=False)[0], by_hand(p, x), atol=1e-12)


# %% [markdown]
# The whole model: symbols as vectors, plus codes of places; blocks, one after another; and scores for the next symbol.


# %%
def transformer(blocks=2, places=True):
    place = {"place": nn.PositionalEncoding(D, batch_first=True)} if places else {}
    parts = {"symbol": nn.Embedding(9, D)} | place | {f"block{k + 1}": block for k in range(blocks)}
    return nn.Sequential(parts | {"norm": nn.LayerNorm(D), "scores": nn.Linear(D, 9)})


model = transformer()
params, state = model.init(0)
tokens = unseen[:, :-1]  # what is read; the targets are the symbols one place further on
first = model.apply(params, state, tokens, training=False)[0]
assert first.shape == (500, 13, 9)

# %% [markdown]
# ## It does not look ahead
#
# A model that predicts the next symbol must not see it. Is the mask right, through two blocks, norms and all? Gradients
# answer that without any knowledge of the code: the derivative of the scores at place $t$ by the vector at place $s$
# must be exactly zero for $s > t$.

# %%
after_symbols = model[2:]  # everything behind symbols and places, as a function of vectors
rest = {name: params[name] for name in after_symbols.names}
rest_state = {name: state[name] for name in after_symbols.names}
vectors = model[:2].apply(
    {k: params[k] for k in ("symbol", "place")}, {"symbol": {}, "place": {}}, tokens[:1], training=False
)[0]

J = dl.jacobian(lambda x: after_symbols.apply(rest, rest_state, x, training=False)[0])(vectors)[0, :, :, 0]
influence = np.abs(J).sum((1, 3))  # (13, 13): of place s on the scores at place t
assert J.shape == (13, 9, 13, D)
assert np.all(influence[np.triu_indices(13, 1)] == 0)  # exactly, not nearly
assert np.all(influence[np.tril_indices(13)] > 1e-6)

# %% [markdown]
# This buys two things. The scores at place $t$ are those that the model would give if the sentence *ended* there. So
# one pass through a sentence of 13 symbols asks 13 questions at once and answers each without cheating. And writing
# needs nothing new: append the best symbol, ask again.

# %%
for length in (1, 5, 9):
    alone = model.apply(params, state, tokens[:, :length], training=False)[0]
    assert np.allclose(alone[:, -1], first[:, length - 1], atol=1e-10)

# %% [markdown]
# ## Training
#
# The first letters of a sentence are random, so nobody can predict them. The loss counts the answer's places only.


# %%
def train(model, steps=300, seed=0):
    params, state = model.init(seed)
    adam, rng = nn.optim.Adam(lr=3e-3), np.random.default_rng(seed)

    @dl.compile
    def update(params, memory, batch):
        def loss(params):
            scores = model.apply(params, state, batch[:, :-1], training=True)[0][:, ANSWER:]
            return F.cross_entropy(scores.reshape((-1, 9)), batch[:, ANSWER + 1 :].reshape(-1))

        value, gradient = dl.value_and_grad(loss)(params)
        return *adam.update(params, gradient, memory), value

    memory, losses = adam.init(params), []
    for _ in range(steps):
        params, memory, value = update(params, memory, sentences(64, rng))
        losses.append(float(value))
    return params, losses


def right(model, params, sentences=unseen):
    """The fraction of the answers' letters that are predicted right."""
    state = model.init(0)[1]  # the layers keep none, but each has its place
    scores = model.apply(params, state, sentences[:, :-1], training=False)[0]
    return np.mean(scores[:, ANSWER:].argmax(-1) == sentences[:, ANSWER + 1 :])


params, losses = train(model)
print(f"before {losses[0]:.1f}, after {losses[-1]:.2f}; right on words never seen: {right(model, params):.2f}")
assert abs(losses[0] - np.log(9)) < 0.7  # at the start nearly all symbols are equally likely
assert losses[-1] < 0.02
assert right(model, params) > 0.99


# %% [markdown]
# Now let it speak. It is given the beginning, and each symbol that it says is part of what it reads next.


# %%
def speak(prompt):
    tokens = [SYMBOLS.index(c) for c in prompt]
    for _ in range(N):
        scores = model.apply(params, state, np.array([tokens]), training=False)[0]
        tokens.append(int(scores[0, -1].argmax()))
    return spelled(tokens)


spoken = [speak(spelled(s[: ANSWER + 1])) for s in unseen[:30]]
assert spoken == [spelled(s) for s in unseen[:30]]
spoken[3:7]

# %% [markdown]
# ## What it looks at
#
# The weights of attention are what the softmax gives, a row for each place that asks. We ask the layers themselves.


# %%
def weights(params, tokens):
    """The weights of each block: (sentences, place that asks, place that is looked at)."""
    x, found = tokens, []
    for name, layer in zip(model.names, model):
        if name.startswith("block"):
            p, T = params[name], x.shape[1]
            normed = layer.parts["norm1"].apply(p["norm1"], {}, x, training=False)[0]
            ahead = np.triu(np.ones((T, T), bool), 1)
            attention = layer.parts["self_attn"]
            found.append(attention.apply(p["self_attn"], {}, normed, training=False, attn_mask=ahead)[0][1])
        x = layer.apply(params[name], state[name], x, training=False)[0]
    return found


below, above = weights(params, tokens)
assert np.allclose(above.sum(-1), 1, atol=1e-5) and np.all(above[:, *np.triu_indices(13, 1)] == 0)

figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
for place, command in zip(axes, (PLUS, MINUS)):
    k = np.flatnonzero(tokens[:, 0] == command)[0]
    drawn = place.imshow(above[k], cmap="Greens", vmin=0, vmax=1)
    letters = list(spelled(tokens[k]))
    place.set(xticks=range(13), xticklabels=letters, yticks=range(13), yticklabels=letters, xlabel="looks at")
    place.axhline(ANSWER - 0.5, color="0.6", linewidth=0.8)
    place.set_title(f"{spelled(unseen[k])}")
axes[0].set_ylabel("the place that asks")
figure.colorbar(drawn, ax=axes, label="weight", shrink=0.8)
figure.suptitle("Second block: where each place looks")
figure

# %% [markdown]
# Below the line are the places that write. After `+` they look along a diagonal, after `-` along the other one: each
# finds the one letter it needs, by its place. Nobody told it to.

# %%
step = np.arange(N)
source = np.where(tokens[:, :1] == PLUS, 1 + step, N - step)  # (500, 6): where the letter to be written stands
looked = above[:, ANSWER:].argmax(-1)
print(f"looks first at the right place: {np.mean(looked == source):.2f}")
assert np.mean(looked == source) > 0.75  # looking at random finds it once in ten times

# %% [markdown]
# ## Who tells them?
#
# But how does the place that writes the fourth letter know which command stood at the very beginning? Somebody must
# have looked there. Perhaps the places that write do so in the first block. Perhaps in the second. Pictures of
# attention suggest answers; an experiment decides. We hide the command: from some places, in one block.


# %%
def hidden(name, blind):
    """What is still right when, in the block of this name, these places cannot look at the command."""
    mask = np.zeros((13, 13), bool)
    mask[blind, 0] = True
    x = tokens
    for name_of_layer, layer in zip(model.names, model):
        more = {"src_mask": mask} if name_of_layer == name else {}
        x = layer.apply(params[name_of_layer], state[name_of_layer], x, training=False, **more)[0]
    return np.mean(x[:, ANSWER:].argmax(-1) == unseen[:, ANSWER + 1 :])


everyone, word, writers = slice(1, None), slice(1, ANSWER), slice(ANSWER, None)
print("hidden in the second block, from everyone:", round(hidden("block2", everyone), 1))
print("hidden in the first block, from the places that write:", round(hidden("block1", writers), 1))
print("hidden in the first block, from the letters of the word:", round(hidden("block1", word), 1))
assert hidden("block2", everyone) > 0.9
assert hidden("block1", writers) > 0.85
assert hidden("block1", word) < 0.75

# %% [markdown]
# A surprise: the places that write hardly need to look at the command at all. The *letters* do, in the first block.
# Each letter of the word learns there in what kind of sentence it stands, and says so in its key. In the second block a
# place that writes needs no command any more: it asks for "the letter that is mine", and the right one answers.

# %% [markdown]
# ## What if it does not know where it is?
#
# Without codes of places, a place that asks sees a bag of symbols. For one block this is exact: shuffle what came
# before, and the last place does not notice. So a model of one block can only guess among the letters of the word.

# %%
p, none = block.init(3)
shuffled = np.concatenate([np.random.default_rng(2).permutation(x[0, :-1]), x[0, -1:]])
last = lambda x: block.apply(p, none, x[None], training=False)[0][0, -1]
assert np.allclose(last(shuffled), last(x[0]), atol=1e-12)

lost, half_lost = (transformer(blocks, places=False) for blocks in (1, 2))
bag = right(lost, train(lost)[0])
half_lost_params, slow = train(half_lost, steps=400)
through_the_mask = right(half_lost, half_lost_params)
print(f"without places, one block: {bag:.1f}, two blocks: {through_the_mask:.1f}")
assert bag < 0.5
assert through_the_mask > 0.75

# %% [markdown]
# Two blocks do find the answers, and that is no mistake. Behind the causal mask the third place sees three symbols and
# the sixth sees six, so the *number* of symbols seen tells a place where it is, and the second block can use it. The
# code of places makes easy what would be laborious: between step 100 and 200 the losses are far apart.

# %%
print(f"mean loss: {np.mean(losses[100:200]):.2f} with places, {np.mean(slow[100:200]):.2f} without")
assert np.mean(losses[100:200]) < 0.5 * np.mean(slow[100:200])

# %% [markdown]
# ## Exercises
#
# **1.** Count the numbers in a block: attention has four matrices of $d \times d$, the network two of $d \times 2d$,
# and there are biases and norms. Check with the real one. What share of the model is in its blocks?

# %% tags=["solution"]
count = lambda tree: sum(count(v) if isinstance(v, dict) else v.size for v in tree.values())
assert count(params["block1"]) == 8 * D**2 + 11 * D  # biases 3d + d + 2d + d, norms 4d
assert count(params["block1"]) + count(params["block2"]) > 0.9 * count(params)

# %% [markdown]
# **2.** Is one block enough? Train it as long as the two, and explain.

# %% tags=["solution"]
single = transformer(blocks=1)
alone, _ = train(single)
assert right(single, alone) < 0.8 < right(model, params)
# A place that writes must know command and letter. In one block it would have to fetch both with one row of weights,
# before it knows which letter it wants: it looks at both candidates and guesses between them.

# %% [markdown]
# **3.** Train on words of six letters, and test on words of eight. What happens, and why?

# %% tags=["solution"]
rng = np.random.default_rng(4)
words = rng.integers(0, 6, (300, 8))
long = np.concatenate([np.full((300, 1), PLUS), words, np.full((300, 1), EQUALS), words], 1)
scores = model.apply(params, state, long[:, :-1], training=False)[0]
found = np.mean(scores[:, 9:].argmax(-1) == long[:, 10:])
assert found < 0.6  # it has learned "six places back", not "the letter that belongs here"
round(float(found), 1)

# %% [markdown]
# ## What to read next
#
# - Vaswani et al., *Attention is all you need* (2017); Radford et al., *Improving language understanding by generative
#   pre-training* (2018), the decoder alone; Xiong et al., *On layer normalization in the transformer architecture*
#   (2020), on norms first.
# - Elhage et al., *A mathematical framework for transformer circuits* (2021): reading what attention does.
# - Lesson 26 asks how much a network can change at all.
