"""The pages about the table of primitives: for each row its formula, derivative, domain, conventions and a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from formulas import LEVELS, RELATION, letters, meaning, partials, value, with_params
from plots import plots

from difflab.primitives import NUMPY, Domain, Elementwise, Primitive, table

# Page: title, and the files of difflab/primitives whose rows it shows.
GROUPS = {
    "arithmetic": ("Arithmetic", "arithmetic"),
    "exponential": ("Exponentials, logarithms, entropies", "exponential entropies"),
    "trigonometric": ("Trigonometric and hyperbolic functions", "trigonometric"),
    "activations": ("Activations", "activations"),
    "rounding": ("Comparing, rounding, signs, bounds", "comparing rounding"),
    "special": ("Error, gamma and beta functions", "error_functions gamma_functions incomplete"),
    "bessel": ("Bessel functions", "bessel"),
    "reductions": ("Reductions and order", "reductions softmax extremes"),
    "products": ("Products", "products contractions"),
    "linalg": ("Linear algebra", "linalg decompositions matrix_functions singular_values"),
    "shaping": ("Making, shaping, joining", "creation shaping joining repeating"),
    "indexing": ("Indexing", "indexing choosing updates"),
    "scans": ("Running sums, differences, polynomials, statistics", "scans composites"),
    "fourier": ("Fourier transforms", "fourier"),
    "networks": ("Convolution and networks", "convolution networks standardising"),
    "structure": ("What graphs are made of", "structure"),
}
# Rows whose functions stand in a file of helpers, or are Python's operators.
BELONGS = {
    **dict.fromkeys(("add", "subtract"), "arithmetic"),
    **dict.fromkeys(("fft2", "ifft2", "rfft2", "irfft2", "fftshift", "ifftshift"), "fourier"),
    **dict.fromkeys(("conv_max_pool", "pooled_weight_transpose", "pooled_input_transpose"), "networks"),
    "matrix_norm": "linalg",
}
PAGE_OF = {file: page for page, (_, files) in GROUPS.items() for file in files.split()}
KINDS = {
    "elementwise": "elementwise: stated by its partial derivatives",
    "linear": "linear: stated by the transpose of the linear map",
    "pick": "linear: one output of an operation that has several",
    "custom": "with its own rules for forward and reverse mode",
    "composite": "a program in other rows: its derivative is the derivative of that program",
    "opaque": "no derivative, or one of its carriers' own",
}
WORDS = {
    "commutative": "commutative", "smooth": "smooth", "f(0)=0": "0 at 0",
}  # fmt: skip


def pages() -> dict[str, str]:
    """Markdown by address, the index first."""
    grouped = groups()
    found = {"reference/primitives/index.md": index(grouped)}
    for page, rows in grouped.items():
        title = GROUPS[page][0]
        found[f"reference/primitives/{page}.md"] = f"# {title}\n\n{LEGEND}\n" + "\n".join(map(section, rows))
    return found


def addresses() -> list[str]:
    return ["reference/primitives/index.md", *(f"reference/primitives/{page}.md" for page in GROUPS)]


LEGEND = """\
The formulas of the derivatives are written from the rules that run: *f* is the value of the row itself, and a rule
may use other rows. [All operations](index.md).
"""


def groups() -> dict[str, list[Primitive]]:
    """The rows by page. A row's file is that of its rules; one without rules stands behind its neighbour."""
    found: dict[str, list[Primitive]] = {page: [] for page in GROUPS}
    page = "structure"
    for row in table():
        if row.name == "input":
            page = "structure"
        else:
            page = home(row) or page
        found[BELONGS.get(row.name, page)].append(row)
    return found


def home(row: Primitive) -> str:
    counts: Counter[str] = Counter()
    for field in vars(row).values():
        several = field if isinstance(field, tuple) else field.values() if isinstance(field, Mapping) else [field]
        counts.update(m.rpartition(".")[2] for v in several if callable(v) and (m := getattr(v, "__module__", "")))
    return next((PAGE_OF[m] for m, _ in counts.most_common() if m in PAGE_OF), "")


def index(grouped: dict[str, list[Primitive]]) -> str:
    count = sum(map(len, grouped.values()))
    lines = [
        "# Operations",
        "",
        f"difflab knows {count} operations. One row of a table says everything about each: value, derivative, domain, "
        "kinks, how it is written. These pages are made from that table, `difflab.primitives.table()`.",
        "",
    ]
    for page, rows in grouped.items():
        names = ", ".join(f"[{r.name}]({page}.md#{anchor(r)})" for r in rows)
        lines += [f"## [{GROUPS[page][0]}]({page}.md)", "", names, ""]
    return "\n".join(lines)


def anchor(row: Primitive) -> str:
    return row.name.lower()


def section(row: Primitive) -> str:
    """Everything about one row."""
    lines = [f"## {row.name} {{#{anchor(row)}}}", "", prose(row.doc), ""]
    pictures = plots(row, spoken(names)) if isinstance(row, Elementwise) and (names := named(row)) else []
    facts = [("kind", KINDS.get(row.kind, row.kind)), *mathematics(row), *conventions(row)]
    facts += [("facts", ", ".join(WORDS[f] for f in sorted(row.facts) if f in WORDS)), ("reads", reads(row))]
    lines += ['<div class="row" markdown>', "", "| | |", "|---|---|"]
    lines += [f"| {name} | {text} |" for name, text in facts if text]
    lines += ["", "</div>", ""]
    if pictures:
        lines += [f'<div class="plots">{"".join(pictures)}</div>', ""]
    return "\n".join(lines)


def named(row: Elementwise) -> list[str]:
    return letters(row, len(row.partials))


def spoken(names: list[str]) -> list[str]:
    """The operands' names where no formula is possible: in the text of a picture."""
    return [{r"\delta": "δ", r"\lambda": "λ"}.get(n, n) for n in names]


def mathematics(row: Primitive) -> list[tuple[str, str]]:
    """Formula, derivatives and domain of an elementwise row; of the others the formula, where it is not only a name."""
    if not isinstance(row, Elementwise):
        return [] if "operatorname" in row.latex or row.latex in ("", "{0}") else [("written", formula(written(row)))]
    names, params = named(row), dict((row.examples or ({},))[0])
    own = with_params(value(row, names), params)
    own = rf"\left[{own}\right]" if LEVELS.get(row.name) == RELATION else own  # a truth value: f = [x < y]
    more = meaning(row, names)
    found = [("formula", "$f = " + cell(own + (" = " + more if more else "")) + "$")]
    for name, rule, text in zip(names, row.partials, partials(row, names)):
        what = f"derivative by ${name}$" if len(names) > 1 else "derivative"
        found.append((what, "no rule" if rule is None else derivative(row, text)))
    shown = ", ".join(f"${n}$ {domain(d)}" for n, d in zip(names, row.domain))
    found.append(("domain", f"tested and measured at {shown}"))
    if params:
        found.append(("shown with", ", ".join(f"`{k}={v!r}`" for k, v in params.items())))
    return found


def derivative(row: Elementwise, text: str) -> str:
    if text == "0" and not row.differentiable:
        return "none"
    return formula(text) if text else "by a rule without a short formula"


def written(row: Primitive) -> str:
    return row.latex.format(*"xyzuvw", index="k")


def formula(latex: str) -> str:
    return f"${cell(latex)}$"


def cell(latex: str) -> str:
    r"""A formula that may stand in a table: a bar would end the cell."""
    return latex.replace("|", r"\vert ").replace(r"\\", r"\\")


def domain(d: Domain) -> str:
    """
    >>> domain(Domain(0.001, 10.0, tails=(1e-300,), branch_points=(1.0,)))
    'in [0.001, 10], far out at 1e-300, with special care at 1'
    """
    text = f"in [{d.low:g}, {d.high:g}]"
    if d.tails:
        text += ", far out at " + ", ".join(f"{t:g}" for t in d.tails)
    return text + (", with special care at " + ", ".join(f"{b:g}" for b in d.branch_points) if d.branch_points else "")


def conventions(row: Primitive) -> list[tuple[str, str]]:
    """What the engine returns where there is no derivative, with the derivatives of both sides."""
    found = [("not differentiable where", prose(row.non_differentiable))] if row.non_differentiable else []
    if not isinstance(row, Elementwise) or row.one_sided is None or row.kinks is None or len(row.domain) != 1:
        return found
    params = dict((row.examples or ({},))[0])
    said = []
    for at in map(np.float64, row.domain[0].branch_points):
        with np.errstate(all="ignore"):
            if not np.all(row.kinks(NUMPY, at, **params)):
                continue
            left, right = (float(v) for v in row.one_sided(NUMPY, at, **params))
        said.append(f"at {at:g}: from the left {number(left)}, from the right {number(right)}; difflab returns "
                    f"{number(returned(row, at, params))}")  # fmt: skip
    return [*found, ("convention", "; ".join(said))] if said else found


def number(v: float) -> str:
    return "none" if np.isnan(v) else "∞" if np.isposinf(v) else "-∞" if np.isneginf(v) else f"{v:g}"


def returned(row: Elementwise, at: Any, params: dict[str, Any]) -> float:
    """What reverse mode gives at a point."""
    from difflab import grad
    from difflab.graph.node_carrier import NODE

    with np.errstate(all="ignore"):
        return float(grad(lambda x: NODE.of(row)(x, **params))(float(at)))


def reads(row: Primitive) -> str:
    """The NumPy and SciPy functions that mean this row."""
    if row.reads == ():
        return ""
    names = row.reads or (row.name,)
    return ", ".join(f"`{'scipy.' if n.startswith('special.') else 'np.'}{n}`" for n in names)


def prose(text: str) -> str:
    """A sentence of the table, in which no character has a meaning in Markdown."""
    for c in "\\*_[]|<>$":
        text = text.replace(c, f"&#{ord(c)};")
    return text
