# %% [markdown]
# # 3. Expression swell
#
# After this lesson you can
#
# - show why the formula of a derivative can be far longer than the formula it comes from;
# - remove most of that by naming what occurs twice, and say what is left;
# - explain what automatic differentiation does differently, and what it does not do.

# %% [markdown]
# ## Three lines of product rule
#
# The logistic map $\ell_{k+1} = 4 \ell_k (1 - \ell_k)$, $\ell_1 = x$, is three operations a step. Written out as a
# formula in $x$, its derivative grows at a surprising speed.

# %%
import textwrap

import numpy as np
import sympy
from matplotlib import pyplot as plt

import difflab as dl

x = sympy.Symbol("x")
levels = [x]
for _ in range(5):
    levels.append(4 * levels[-1] * (1 - levels[-1]))

sympy.diff(levels[2], x)

# %%
print(textwrap.fill(str(sympy.diff(levels[3], x)), 100))

# %%
sizes = [int(sympy.count_ops(f)) for f in levels[1:]]
derivatives = [int(sympy.count_ops(sympy.diff(f, x))) for f in levels[1:]]
print("operations of the function   ", sizes)
print("operations of its derivative ", derivatives)
assert sizes == [5 * 2**k - 2 for k in range(5)]
assert np.all(np.diff(np.divide(derivatives, sizes)) > 1)  # the ratio grows too

# %% [markdown]
# Two things grow here. The *function* doubles with each step, because $\ell_k$ is written twice. And its *derivative*
# grows faster still: the product rule $(uv)' = u'v + uv'$ writes $u$ and $v$ again, next to derivatives that
# contain them already.

# %% [markdown]
# ## Trees and graphs
#
# But nobody computes $\ell_5$ by that formula. One computes $\ell_2$, keeps it, and uses it twice. A formula on one
# line is a *tree*: each use is a copy. A program with names is a *graph*: each use is an arrow to the same node.

# %%
graph = dl.parse("l2 = 4*x*(1 - x); l3 = 4*l2*(1 - l2); l4 = 4*l3*(1 - l3)")
assert len(graph.operations) == 9  # three for each step: 4*l, 1 - l, and their product
graph


# %%
def tree_size(node):
    """The operations of the formula in which every use is written out."""
    return bool(node.operands) + sum(tree_size(operand) for operand in node.operands)


shared, written_out = [], []
for depth in range(1, 11):
    f = dl.parse("; ".join(f"l{k + 1} = 4*l{k}*(1 - l{k})" for k in range(depth)))
    shared.append(len(f.operations))
    written_out.append(tree_size(f.outputs[0]))
assert np.all(np.diff(shared) == 3)  # the graph grows by three each time
assert written_out[-1] == 3 * (2**10 - 1)  # the tree doubles
shared, written_out

# %% [markdown]
# ## Naming what occurs twice
#
# Computer algebra can go back from the tree to a graph: *common subexpression elimination* (cse) finds equal parts and
# gives each a name.

# %%
replacements, (short,) = sympy.cse(sympy.diff(levels[3], x))
for name, part in replacements:
    print(name, "=", part)
print("result:", short)

operations = sum(int(sympy.count_ops(part)) for _, part in replacements) + int(sympy.count_ops(short))
assert operations < derivatives[2] / 2

# %% [markdown]
# So a fair comparison has three columns: the derivative written out, the derivative after cse, and what reverse mode
# does. `expression_swell` counts them for several families of functions.

# %%
study = dl.expression_swell("logistic", range(1, 8), simplify=False)
figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
depths = [row.depth for row in study.rows]
axes.semilogy(depths, [row.function for row in study.rows], "k--", label="the function's graph")
for form, mark in (("raw", "o-"), ("cse", "s-"), ("backward graph", "^-")):
    axes.semilogy(depths, [row.operations[form] for row in study.rows], mark, label=form)
axes.set(xlabel="depth", ylabel="operations of the derivative", title="Expression swell of the logistic map")
axes.legend()

# %%
first, last = study.rows[1], study.rows[-1]
assert last.operations["raw"] > 100 * first.operations["raw"]
assert last.operations["cse"] < last.operations["raw"] / 30
assert last.operations["backward graph"] <= last.operations["cse"]
last.operations

# %% [markdown]
# Raw formulas explode. Most of the explosion is repetition, and cse removes it. What is left grows much more
# slowly. The backward graph never repeats anything: it grows by the same number of operations at each step (and its
# count includes the function itself).

# %%
growth = np.diff([row.operations["backward graph"] for row in study.rows])
assert np.all(growth == growth[0])
print("operations added by each step:", int(growth[0]))

# %% [markdown]
# ### Why it swells, and why sharing undoes it
#
# Count the parts of the derivative in two ways: each as often as it stands there, and each different one once.

# %%
occurring, different = [], []
for level in levels[1:]:
    parts = list(sympy.preorder_traversal(sympy.diff(level, x)))
    occurring.append(len(parts))
    different.append(len(set(parts)))
print("parts that stand there", occurring)
print("different ones        ", different)
assert occurring[-1] > 30 * different[-1]
assert max(np.diff(different)) < 15 and occurring[-1] > 2.5 * occurring[-2]

# %% [markdown]
# The first number about trebles with each step, the second grows by about ten. So the swell is *repetition*: in a tree
# a part that is used again has to be written again, and the product rule uses $u$ and $v$ again each time. A name, or
# an arrow in a graph, costs the same however long the part is that it stands for: what is shared is paid for once.

# %% [markdown]
# ## What automatic differentiation really does
#
# It is tempting to say: symbolic differentiation is slow, automatic differentiation is fast. The truth is simpler.
# Reverse mode applies the *same rules* to a graph and shares what the graph shares. Each operation of the function adds
# a small, fixed number of operations to the gradient, so the gradient costs a small multiple of the function,
# for any number of inputs. Baur and Strassen proved in 1983 that a factor of 5 is enough.

# %%
ratios = []
for depth in (2, 8, 32):
    f = dl.parse(" * ".join(f"x{k}" for k in range(depth)))  # the product x0 x1 x2 ...
    ratios.append(len(dl.backward_graph(f).operations) / len(f.operations))
assert max(ratios) < 5
[round(r, 2) for r in ratios]

# %% [markdown]
# This product is Speelpenning's example, from his thesis of 1980 on fast gradients. It has $n$ partial derivatives,
# each a product of $n - 1$ factors. Written one by one they cost about $n^2$ multiplications. The backward graph shares
# products of the first $k$ and of the last $k$ factors, and computes all of them in about $3n$.

# %%
product = dl.parse("x0 * x1 * x2 * x3")
both = dl.backward_graph(product)
value, *partials = both(2.0, 3.0, 5.0, 7.0)
assert value == 210.0 and partials == [105.0, 70.0, 42.0, 30.0]
both

# %% [markdown]
# Solid lines are the function, dashed lines its backward pass: the derivative is a graph of the same
# operations, and could be differentiated again.

# %% [markdown]
# ## What it does not do
#
# It does not look for a shorter way to the same result, and it does not make a formula more accurate. Computer algebra
# can simplify what it has found; the engine computes what is written:

# %%
identity = "sin(t)**2 + cos(t)**2"
automatic = dl.differentiate(identity, dict(t=1.1))
t = sympy.Symbol("t")
assert sympy.simplify(sympy.sin(t) ** 2 + sympy.cos(t) ** 2) == 1  # simplify knows that the derivative is 0
assert len(dl.backward_graph(dl.parse(identity)).operations) > 5  # the engine computes it, step by step
assert abs(automatic.gradient["t"]) < 1e-15

# %% [markdown]
# Formulas have their place: they can be read, simplified, solved. For a neural network with a million operations
# nobody reads them.

# %% [markdown]
# ## Exercises
#
# **1.** The derivative of $\ell_{k+1}$ satisfies $\ell_{k+1}' = 4 (1 - 2 \ell_k)\, \ell_k'$. Compute $\ell_{11}'$ with
# this recursion, in a loop that carries the pair $(\ell, \ell')$. Which mode of differentiation is that?

# %% tags=["solution"]
value, slope = 0.3, 1.0
for _ in range(10):
    value, slope = 4 * value * (1 - value), 4 * (1 - 2 * value) * slope


def logistic(v):
    for _ in range(10):
        v = 4 * v * (1 - v)
    return v


# The pair is a dual number: this is forward mode, five operations a step.
assert np.isclose(slope, dl.jvp(logistic, (0.3,), (1.0,))[1], rtol=1e-12)
assert np.isclose(slope, dl.grad(logistic)(0.3), rtol=1e-12)
slope

# %% [markdown]
# **2.** Write all partial derivatives of $x_0 x_1 \cdots x_{n-1}$ with about $3n$ multiplications and no division.
# Division would be shorter; why not use it?

# %% tags=["solution"]


def all_partials(x):
    before = np.concatenate([[1.0], np.cumprod(x[:-1])])  # x0 ... x(k-1)
    after = np.concatenate([np.cumprod(x[:0:-1])[::-1], [1.0]])  # x(k+1) ... x(n-1)
    return before * after


v = np.array([2.0, 3.0, 5.0, 7.0])
assert np.array_equal(all_partials(v), [105, 70, 42, 30])
v[1] = 0.0  # dividing the product by v[1] would give 0/0, and 0 for the others where it happens to work
assert np.array_equal(all_partials(v), dl.grad(np.prod)(v))
all_partials(v)

# %% [markdown]
# **3.** Does every family swell like this? Run `expression_swell` on `"sigmoid-chain"`: a chain of one-input functions.
# Predict first: how does the raw derivative by $x$ grow?

# %% tags=["solution"]
chain = dl.expression_swell("sigmoid-chain", range(1, 6), simplify=False)
raw = [row.operations["raw"] for row in chain.rows]
backward = [row.operations["backward graph"] for row in chain.rows]
# The function does not double here, but its partial derivatives repeat the layers below: a power of the depth.
assert raw[-1] / raw[-2] < raw[-2] / raw[-3] < raw[1] / raw[0]  # the factor falls: no exponential
assert raw[-1] > 3 * backward[-1]
# After cse the formulas are even shorter than the backward graph, which counts the function's operations too.
assert all(row.operations["cse"] < row.operations["backward graph"] for row in chain.rows)
raw, backward

# %% [markdown]
# ## What to read next
#
# - Laue, "On the equivalence of automatic and symbolic differentiation" (2019): the argument of this lesson, in full.
# - Griewank and Walther, *Evaluating Derivatives*, chapter 3: the cheap gradient and Speelpenning's product.
# - Baur and Strassen, "The complexity of partial derivatives" (1983).
# - Lesson 4: the graph itself, and the two passes over it.
