# %% [markdown]
# # 13. The source code of a gradient
#
# After this lesson you can
#
# - read the program of a gradient, and say which line belongs to the forward and which to the backward pass;
# - write a compiler for gradients in fifteen lines, and a pass that makes its programs shorter;
# - say which rewritings keep every value, which do not, and what compiling buys.

# %% [markdown]
# ## A gradient is a program
#
# Lesson 4 went through a neuron backwards on paper. Nothing in those steps depends on the numbers: the order of the
# operations is always the same. So it can be written down once, as a program without loops and branches. That is what
# `dl.compile` does, and `source` shows it.

# %%
import math
import timeit

import numpy as np
from matplotlib import pyplot as plt

import difflab as dl


def neuron(w, x, b):
    return 1 / (1 + np.exp(-(w * x + b)))


gradient = dl.compile(dl.value_and_grad(neuron, (0, 1, 2)))
value, (dw, dx, db) = gradient(2.0, -1.0, -3.0)
assert np.isclose(db, value * (1 - value)) and np.isclose(dw, -1.0 * db) and np.isclose(dx, 2.0 * db)
print(gradient.source)

# %% [markdown]
# Read it. Up to `t9`, the value, it is the forward pass. The rest goes backward: `t10` and `t11` make the derivative of
# the sigmoid, and `t12` and `t13` are the rule of the product $w x$, "times the other one". The exponential is computed
# once, and serves both ways.
#
# It is text, and nothing is hidden behind it. Run it yourself:

# %%
scope: dict = {"exp": math.exp}
exec(gradient.source, scope)
by_text = scope["program"](2.0, -1.0, -3.0)
assert by_text == (value, dw, dx, db)  # to the last bit
assert gradient.source.count("exp(") == 1
by_text

# %% [markdown]
# ## A compiler in fifteen lines
#
# Where does the text come from? `dl.trace` runs a function on symbols and records each operation as a node. This works
# for `dl.grad(f)` as for any function, so the record of a gradient is a graph again. To write a program, go through
# its nodes in order, and give each one a line.


# %%
def write(graph):
    """The graph as the text of a Python function."""
    named = {node: node.name for node in graph.inputs}
    lines = [f"def program({', '.join(named.values())}):"]
    for node in graph.order:
        operands = ", ".join(named[operand] for operand in node.operands)
        if node.primitive.name == "constant":
            named[node] = repr(float(node.params["value"]))
        elif node not in named:
            named[node] = f"t{len(lines)}"
            lines.append(f"    {named[node]} = np.{node.primitive.name}({operands})")
    return "\n".join([*lines, f"    return {', '.join(named[node] for node in graph.outputs)}"])


def run(text, *values):
    scope = {"np": np}
    exec(text, scope)
    return scope["program"](*values)


f = lambda x: np.exp(np.sin(x)) * np.sin(x) + np.exp(np.sin(x)) * x**2
graph = dl.trace(dl.grad(f), 0.7)
text = write(graph)
assert np.isclose(run(text, 0.7), dl.grad(f)(0.7), rtol=1e-14)
assert dl.compare(f, (0.7,)).agree
print(text)

# %% [markdown]
# It is right, and it is wasteful: `sin(x)` is computed three times, because the function says so, and numbers are
# computed whose result nobody uses.
#
# ## Passes
#
# A *pass* takes a graph and returns one with the same values. Two passes of every compiler, on the text above: drop
# what nobody uses, and share what is equal. In both it is enough to look at each line once.


# %%
def live(lines, results):
    """The lines that the results depend on, found from the end."""
    needed, kept = set(results), []
    for name, function, operands in reversed(lines):
        if name in needed:
            kept.append((name, function, operands))
            needed.update(operands)
    return kept[::-1]


def shared(lines, results):
    """Equal operations on equal operands once, found from the start; later uses get the first name."""
    first, instead, kept = {}, {}, []
    for name, function, operands in lines:
        key = function, tuple(instead.get(operand, operand) for operand in operands)
        if key in first:
            instead[name] = first[key]
        else:
            first[key] = name
            kept.append((name, *key))
    return kept, [instead.get(result, result) for result in results]


lines = []
for line in text.splitlines()[1:-1]:
    name, call = line.strip().split(" = ")
    function, operands = call.rstrip(")").split("(")
    lines.append((name, function, tuple(operands.split(", "))))
results = text.splitlines()[-1].removeprefix("    return ").split(", ")

fewer = live(lines, results)
fewest, results = shared(fewer, results)
body = [f"    {name} = {function}({', '.join(operands)})" for name, function, operands in fewest]
better = "\n".join(["def program(x):", *body, f"    return {', '.join(results)}"])
assert len(fewest) < len(fewer) < len(lines)
assert run(better, 0.7) == run(text, 0.7)  # to the last bit: the same operations, fewer times
assert better.count("np.sin(") == 1 and better.count("np.exp(") == 1
print(f"{len(lines)} lines, {len(fewer)} of them used, {len(fewest)} different")

# %% [markdown]
# difflab has a list of such passes. Each can be run alone, and must not change the value. Here are those that find
# something in this gradient.

# %%
from difflab.compile.passes.pipeline import PASSES

expected = float(graph(0.7))
for name, transform in PASSES.items():
    before, graph = len(graph.order), transform(graph)
    assert np.isclose(float(graph(0.7)), expected, rtol=1e-13)
    if len(graph.order) != before:
        print(f"{name:<26}{before:>3} -> {len(graph.order)} nodes")

compiled = dl.compile(dl.grad(f))
assert np.isclose(compiled(0.7), expected, rtol=1e-13)
assert compiled.source.count("sin(") == 1 and len(compiled.source.splitlines()) < len(better.splitlines())
print()
print(compiled.source)

# %% [markdown]
# ## The price of a gradient
#
# Count the operations of a function of $n$ numbers and those of its gradient. Finite differences need $n + 1$ runs of
# the function. The gradient takes a constant factor, whatever $n$ is: each operation of the forward pass adds a few to
# the backward pass, once. This is the *cheap gradient principle*.


# %%
def speelpenning(x):
    """The product of all inputs, one multiplication after the other."""
    product = x[0]
    for k in range(1, len(x)):
        product = product * x[k]
    return product


def operations(f, x):
    return sum(node.primitive.name in ("multiply", "add") for node in dl.trace(f, x).order)


factors = {}
for n in (5, 20, 80):
    x = np.linspace(0.5, 1.5, n)
    assert np.allclose(dl.grad(speelpenning)(x), np.prod(x) / x)
    factors[n] = operations(dl.value_and_grad(speelpenning), x) / operations(speelpenning, x)
assert all(2 <= factor <= 5 for factor in factors.values())
factors

# %% [markdown]
# ## Speed
#
# What does a compiled gradient buy? The picture shows how many times faster than the uncompiled gradient each way is,
# on the machine that made this page. It asserts nothing about time: your machine is another one.


# %%
def seconds(call):
    """The best of several runs: everything else that the machine does only adds."""
    call()
    call()  # a program is built at its second call at the latest
    count = max(1, int(0.02 / timeit.timeit(call, number=1)))
    return min(timeit.repeat(call, number=count, repeat=5)) / count


def loss(x):
    return np.sum(np.tanh(x) * np.exp(-x * x))


def central(x, h=1e-6):
    unit = np.eye(len(x)) * h
    return np.array([(loss(x + e) - loss(x - e)) / (2 * h) for e in unit])


neuron_gradient = dl.grad(neuron, (0, 1, 2))
fast = dl.compile(neuron_gradient)
small, large = np.linspace(-2, 2, 100), np.linspace(-2, 2, 100_000)
loss_gradient, loss_fast = dl.grad(loss), dl.compile(dl.grad(loss))
assert np.allclose(loss_fast(small), central(small), atol=1e-8)
assert np.allclose(loss_fast(large), loss_gradient(large), rtol=1e-12, atol=1e-15)

ratios = {
    "neuron, 3 numbers: compiled": seconds(lambda: neuron_gradient(2.0, -1.0, -3.0))
    / seconds(lambda: fast(2.0, -1.0, -3.0)),
    "100 elements: finite differences": seconds(lambda: loss_gradient(small)) / seconds(lambda: central(small)),
    "100 elements: compiled": seconds(lambda: loss_gradient(small)) / seconds(lambda: loss_fast(small)),
    "100,000 elements: compiled": seconds(lambda: loss_gradient(large)) / seconds(lambda: loss_fast(large)),
}
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
for place, ratio in enumerate(ratios.values()):
    axes.barh(place, ratio - 1, left=1, color="tab:green" if ratio > 1 else "tab:red")
    axes.annotate(
        f"{ratio:.0f}" if ratio > 10 else f"{ratio:.2g}",
        (max(ratio, 1), place),
        (4, 0),
        textcoords="offset points",
        va="center",
    )
axes.axvline(1, color="black", linewidth=0.8)
axes.set_yticks(range(len(ratios)), list(ratios))
axes.set(xscale="log", xlabel="times faster than dl.grad, uncompiled", title="What a compiled gradient buys")
axes.set_xlim(right=3 * max(ratios.values()))
axes.invert_yaxis()
figure

# %% [markdown]
# Small inputs gain most. There the numbers take nanoseconds and the bookkeeping takes the rest: tracing, going back,
# looking up rules. The program has none of it. With large arrays the arithmetic itself counts, and the gain comes from
# elsewhere. Look at the program:

# %%
print(loss_fast.source)
assert "def block" in loss_fast.source and "lo:hi" in loss_fast.source

# %% [markdown]
# It works on a block of rows at a time, so that the values in between stay in the cache, and it writes each of them
# into a buffer that is already there (the last argument). Results do not depend on how many threads share the blocks.

# %%
assert np.array_equal(loss_fast(large), loss_fast(large))  # to the last bit
assert "b3" in loss_fast.source and "b4" not in loss_fast.source  # four buffers for thirteen values

# %% [markdown]
# ## When is a program still right?
#
# It was recorded for arguments of certain shapes, and along certain branches. So what happens with others? Each call
# checks; where something is different, the function is traced once more. Python code runs while it is traced, and not
# afterwards. A list that grows at each tracing shows it.

# %%
traced: list[int] = []


@dl.compile
def both_sides(x):
    traced.append(len(x))
    if np.sum(x) > 0:
        return np.sum(x**2)
    return np.sum(np.exp(x))


for _ in range(5):
    assert np.isclose(both_sides(np.array([1.0, 2.0])), 5.0)
assert len(traced) == 1
assert np.isclose(both_sides(np.array([-1.0, -2.0])), np.exp(-1) + np.exp(-2))  # the other branch
assert len(traced) == 2
assert np.isclose(both_sides(np.ones(3)), 3.0)  # another shape
assert len(traced) == 3
assert np.isclose(both_sides(np.array([1.0, 2.0])), 5.0) and len(traced) == 3  # all three are kept
print(both_sides.source)

# %% [markdown]
# The last line of the program returns the outcome of the comparison too: that is the guard.
#
# ## Exercises
#
# **1.** The softmax of two scores, $p = e^{a} / (e^{a} + e^{b})$. How many exponentials must a program compute for $p$
# *and* both its derivatives? Predict, then count in the source.


# %% tags=["solution"]
def first(a, b):
    return np.exp(a) / (np.exp(a) + np.exp(b))


program = dl.compile(dl.value_and_grad(first, (0, 1)))
p, (da, db) = program(0.3, -1.0)
assert np.isclose(da, p * (1 - p)) and np.isclose(db, -p * (1 - p))
assert program.source.count("exp(") == 2  # one for each score: exp is its own derivative
print(program.source)

# %% [markdown]
# **2.** Which of these may a compiler rewrite, if every value has to stay what it is: $0 \cdot x$ to 0, $x / x$ to 1,
# $(x + y) - y$ to $x$, $x + x$ to $2x$? Find inputs that show it, and look at what difflab does.

# %% tags=["solution"]
same = {
    "0*x is 0": (lambda x: 0 * x, np.inf, 0.0),
    "x/x is 1": (lambda x: x / x, np.inf, 1.0),
    "(x+y)-y is x": (lambda x: (x + 1e16) - 1e16, 1.0, 1.0),
    "x+x is 2x": (lambda x: x + x, 0.1, 2 * 0.1),
}
kept = {}
for name, (rewritten, at, simpler) in same.items():
    with np.errstate(invalid="ignore"):
        truth, compiled_too = rewritten(np.float64(at)), dl.compile(rewritten)
        results = [compiled_too(at) for _ in range(3)]
    assert all(np.array_equal(r, truth, equal_nan=True) for r in results)  # difflab keeps the values, whatever they are
    kept[name] = bool(truth == simpler)
assert kept == {"0*x is 0": False, "x/x is 1": False, "(x+y)-y is x": False, "x+x is 2x": True}
kept

# %% [markdown]
# ## What to read next
#
# - Griewank and Walther, *Evaluating Derivatives*, chapters 3 and 4: the cheap gradient principle, and its proof.
# - Aho, Lam, Sethi and Ullman, *Compilers*, chapter 8: basic blocks, common subexpressions, dead code.
# - Goldberg, "What every computer scientist should know about floating-point arithmetic" (1991).
# - `docs/compile.md`: machine code, training steps, loops.
# - Lesson 14 applies the gradient to the gradient.
