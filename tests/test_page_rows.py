"""Every operation with a formula in JavaScript, computed by a real browser over its whole domain beside Python."""

from __future__ import annotations

import numpy as np
import pytest
from test_primitives_elementwise import envelope, sample

import difflab as dl
from difflab import primitives
from difflab.draw.page.document import asset
from difflab.draw.page.model import encoded
from difflab.draw.page.script import Form, helpers
from difflab.errors import UnsupportedError
from difflab.graph.traced import apply

COUNT = 40
ROWS = [(row, params) for row in primitives.table() if row.kind == "elementwise" for params in row.examples or ({},)]
# An operand of whole numbers is no double, and the imaginary part of a real number needs no page.
WITHOUT = {"ldexp", "imag"}
ON_TRUTH = {"bitwise_and", "bitwise_or", "bitwise_xor", "invert"}
# Beside their zeros these are judged by the size of their oscillation, or of the terms whose difference they are.
SCALE = {
    "jv": envelope, "yv": envelope, "yn": envelope, "j0": envelope, "j1": envelope, "y0": envelope, "y1": envelope,
    "ive": envelope, "ive_derivative": lambda v, x: 1e-3, "dawsn_derivative": lambda x: 0.1,
}  # fmt: skip

RUN = """data => {
  const special = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
  %s
  const local = (d, at) => typeof d === "number" ? d : typeof d === "object" ? (d.g(...at) ? Number(d.c(...at)) : 0)
    : Number(d(...at));
  return data.map((points, k) => points.map(point => {
    const x = point.map(v => (typeof v === "string" ? special[v] : v)), y = FORMS[k].f(...x);
    return [Number(y), ...FORMS[k].d.map(d => local(d, [y, ...x]))];
  }));
}"""


def points_of(row):
    operands = sample(row, COUNT, 1)
    if row.name in ON_TRUTH:
        operands = [x > 0 for x in operands]
    return [list(point) for point in zip(*operands)]


def form_of(row, params, point):
    truths = [isinstance(v, np.bool_) for v in point]  # no inputs, but comparisons
    f = lambda *x: apply(row, [v > 0 if t else v for v, t in zip(x, truths)], params)
    plain = [float(v) for v in point]
    forward = dl.trace(f, *plain).forward(*plain)
    return Form(forward.recorded[forward.graph.outputs[0]], {}).text


@pytest.fixture(scope="module")
def computed(chromium):
    """What the browser finds of every row at every point: the value and the partial derivatives."""
    able = [(row, params, points_of(row)) for row, params in ROWS if row.name not in WITHOUT]
    forms = f"const FORMS = [{','.join(form_of(row, params, points[0]) for row, params, points in able)}];"
    library = helpers(forms, "\n".join(map(asset, ("special.js", "incomplete.js", "bessel.js"))))
    page = chromium.new_page()
    found = page.evaluate(RUN % (library + "\n" + forms), [[[encoded(v) for v in p] for p in c[2]] for c in able])
    page.close()
    return {
        (row.name, repr(params)): np.asarray(results, dtype=float)
        for (row, params, _), results in zip(able, found, strict=True)
    }


def truth(row, params, point):
    """The value, and by reverse mode each partial derivative (None: by an operand that has none)."""
    yield float(apply(row, point, params))
    for i, rule in enumerate(row.partials):
        if not row.differentiable or rule is None or isinstance(point[i], np.bool_ | np.integer):
            yield None
            continue
        _, pullback = dl.vjp(lambda x, i=i: apply(row, [*point[:i], x, *point[i + 1 :]], params), float(point[i]))
        yield float(pullback(1.0)[0])


@pytest.mark.parametrize("row, params", ROWS, ids=[f"{row.name}-{params}" for row, params in ROWS])
def test_the_browser_finds_what_python_finds(computed, row, params):
    if row.name in WITHOUT:
        if row.name == "imag":
            with pytest.raises(UnsupportedError, match="imag has no formula"):
                form_of(row, params, [1.0])
        return
    scale = SCALE.get(row.name, lambda *x: 0.0)
    for point, got in zip(points_of(row), computed[row.name, repr(params)], strict=True):
        size = float(scale(*point))
        for k, (g, t) in enumerate(zip(got, truth(row, params, point), strict=True)):
            same = t is None or g == t or (np.isnan(g) and np.isnan(t))
            assert same or abs(g - t) <= 1e-12 * max(abs(t), size, 1e-290), (row.name, params, point, k, g, t)


def test_no_row_names_a_function_that_the_page_lacks():
    library = asset("special.js") + asset("incomplete.js") + asset("bessel.js")
    lists = asset("lists.js")
    for row in primitives.table():
        name = row.spelling.get("javascript", "Number")
        if callable(name):  # a program in other rows
            continue
        if row.kind != "elementwise" and name != "Number":  # of lists of entries, which its table names
            for function in (name, row.spelling.get("javascript back", name)):
                assert f"function {function}(" in lists, row.name
            continue
        assert name.startswith(("Math.", "Number")) or f"function {name}(" in library, row.name
