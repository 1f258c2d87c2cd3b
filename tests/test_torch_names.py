"""PyTorch's names on traced values: the error names NumPy's spelling, which is right, and which the guide lists."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

import difflab as dl
from difflab.errors import DifflabError, NoAttributeError, TraceError
from difflab.graph.torch_names import BY_NAME, FALSE_FRIENDS, HABITS, SPELLINGS, mend

X = np.array([[1.5, -2.0, 3.25], [0.5, 4.0, -1.75], [2.0, 0.25, -0.5]])
Y = np.array([[1.0, -2.0, 0.5], [2.5, 4.0, -1.0], [-3.0, 1.0, 1.25]])
I = np.array([[2, 0, 1], [0, 0, 2], [1, 2, 2]])
CUBES = ("x.bmm(y)",)  # three axes here
GUIDE = Path(__file__).parent.parent / "docs" / "coming-from" / "pytorch.md"


def names(theirs: str, make=np.asarray) -> dict:
    x, y = (X[None], Y[None]) if theirs in CUBES else (X, Y)
    return {"np": np, "dl": dl, "x": make(x), "y": make(y), "i": make(I)}


def parts(value) -> list:
    return [np.asarray(v) for v in value] if isinstance(value, tuple | list) else [np.asarray(value)]


@pytest.mark.parametrize("theirs, ours", SPELLINGS + FALSE_FRIENDS, ids=[t for t, _ in SPELLINGS + FALSE_FRIENDS])
def test_both_spellings_mean_the_same(theirs, ours):
    torch = pytest.importorskip("torch")
    want = eval(theirs, {"torch": torch, **names(theirs, torch.tensor)})
    want = [want] if theirs.startswith("x.size") and not isinstance(want, int) else want
    found = eval(ours, names(theirs))
    found = [found] if theirs.startswith("x.size") else found
    for a, b in zip(parts(found), parts(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
        assert a.shape == b.shape and (a.dtype == b.dtype or a.dtype.kind == b.dtype.kind == "i")


@pytest.mark.parametrize("theirs, ours", SPELLINGS, ids=[t for t, _ in SPELLINGS])
def test_the_spelling_that_the_error_names_works_on_a_traced_value(theirs, ours):
    found = []
    given = names(theirs)

    def f(x):
        found.extend(values(eval(ours, given | {"x": x})))
        with pytest.raises((NoAttributeError, TraceError)) as error:
            eval(theirs.replace("torch.cat(", "x.cat("), given | {"x": x, "torch": TorchDtypes})
        told.append(str(error.value))
        return np.sum(x)

    told: list[str] = []
    dl.trace(f, given["x"])
    want = eval(ours, given)
    for a, b in zip(found, parts(want), strict=True):
        np.testing.assert_array_equal(a, b)
    named = {t.split(".")[1].partition("(")[0]: o for t, o in reversed(SPELLINGS)}
    assert named[theirs.split(".")[1].partition("(")[0]] in told[0]


class TorchDtypes:
    float32 = "float32"


def values(value) -> list:
    return [np.asarray(getattr(v, "value", v)) for v in (value if isinstance(value, tuple | list) else (value,))]


@pytest.mark.parametrize("name", sorted({*BY_NAME, *HABITS, "add_", "sigmoid", "exp", "at"} - {"view"}))
def test_a_name_that_is_not_there_is_an_attribute_error(name):
    def f(x):
        assert not hasattr(x, name) and getattr(x, name, 5) == 5
        with pytest.raises(AttributeError, match=name) as error:
            getattr(x, name)
        assert isinstance(error.value, DifflabError) and error.value.obj is None  # Python adds no guess of its own
        assert "did you mean" not in str(error.value) and "it has those of" not in str(error.value)
        return np.sum(x)

    dl.trace(f, X)


@pytest.mark.parametrize(
    "call, told",
    {
        "x.exp()": "np.exp(x)",
        "x.sigmoid()": "dl.numpy.sigmoid(x)",
        "x.add_(1.0)": "write x = x + y",
        "x.detach()": "dl.stop_gradient(x)",
        "x.view(3, -1)": "x.reshape(1, 3, -1)",
        "x.sum(dim=0)": "sum: dim= is PyTorch's keyword, NumPy's is axis=",
        "x.argmax(dim=1)": "argmax: dim=",
        "x.mean(0, keepdim=True)": "mean: keepdim= is PyTorch's keyword, NumPy's is keepdims=",
        "x.std(0, unbiased=False)": "std: unbiased= is PyTorch's keyword, NumPy's is ddof=",
        "dl.numpy.max(x, dim=0)": "max: dim=",
        "dl.numpy.cat([x, x])": "np.concatenate([x, y], axis=1)",
        "dl.numpy.unsqueeze(x, 0)": "x[None]",
        "x.sum(axs=0)": "axs",
    }.items(),
    ids=lambda v: v if "(" in v else "",
)
def test_what_the_error_says(call, told):
    with pytest.raises((DifflabError, AttributeError, TypeError)) as error:
        dl.grad(lambda x: np.sum(eval(call, {"x": x, "np": np, "dl": dl})))(X)
    assert told in str(error.value)


def test_what_is_no_function_in_numpy_and_is_called():
    runs = [lambda f: dl.grad(f)(X), lambda f: dl.trace(f, X), lambda f: dl.vmap(f)(np.stack([X, X]))]
    for run in runs:
        with pytest.raises(TraceError, match=r"x\.size is no function in NumPy: write x\.shape"):
            run(lambda x: np.sum(x) * x.size(0))
        with pytest.raises(TraceError, match=r"write x\.T"):
            run(lambda x: np.sum(x.T()))
        with pytest.raises(TypeError, match="'int' object is not callable") as error:  # somebody else's mistake
            run(lambda x: np.sum(x) * X.size(x))
        assert not isinstance(error.value, DifflabError)


def test_libraries_that_ask_what_a_value_is():
    import optree

    def f(x):
        assert copy.copy(x) is x and optree.tree_leaves({"a": x})[0] is x
        assert not any(
            hasattr(x, name) for name in ("numpy", "detach", "device", "to", "iloc", "__cuda_array_interface__")
        )
        with pytest.raises(TypeError):
            json.dumps(x)
        return np.sum(x)

    dl.trace(f, X)


def test_a_name_of_nobody_gets_no_mend():
    assert mend("shap") == mend("_") == mend("__array_interface__") == ""


def test_the_guide_lists_the_table():
    text = GUIDE.read_text()
    for pairs in (SPELLINGS, FALSE_FRIENDS):
        assert "\n".join(f"| `{theirs}` | `{ours}` |" for theirs, ours in pairs) + "\n\n" in text
