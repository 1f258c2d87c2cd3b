"""What mpmath says of the rows for which that takes long, kept in mpmath_truths.json.

What is kept goes by a digest of all that it follows from: the source of the row's definition with whatever that names,
the parameters, the points, the operands. Where nothing is kept under it, the truth is computed afresh; at one point it
is in any case. `pytest --write-figures tests/test_primitives_elementwise.py tests/test_table_rows.py
tests/test_kills_germs.py` computes all anew and keeps what took long.
"""

from __future__ import annotations

import ast
import hashlib
import time
from functools import cache
from pathlib import Path

import mpmath
import mpmath_functions as reference
from mpmath import mpf
from recorded import record, recorded

FILE = Path(__file__).with_name("mpmath_truths.json")
SLOW = 0.4  # seconds of processor time from which on the truth of a row is kept
DIGITS = 22
SOURCE = Path(reference.__file__).read_text()
NEW = {}
WRITES = []


def pytest_configure(config):
    WRITES[:] = [True] if config.option.write_figures else []


def pytest_sessionfinish():
    if NEW:
        alive = {key: v for key, v in recorded(FILE).items() if key.partition(" ")[0] in reference.FUNCTIONS}
        record(FILE, alive | NEW)


read_file = cache(lambda: recorded(FILE))


@cache
def definitions():
    """The source of each definition of mpmath_functions.py by its name; the definition of a row by ("row", name)."""
    found, segment = {}, lambda node: ast.get_source_segment(SOURCE, node)
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = segment(node)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if names == {"FUNCTIONS"}:
                found |= {("row", k.value): segment(v) for k, v in zip(node.value.keys, node.value.values)}
            else:
                found |= dict.fromkeys(names, segment(node))
    return found


def source_of(name):
    """The source of the definition of a row, of whatever that names, and of the differences."""
    known, used, new = definitions(), set(), {("row", name), "truth"}
    while new:
        used |= new
        named = {n.id for key in new for n in ast.walk(ast.parse(known[key])) if isinstance(n, ast.Name)}
        new = (named & known.keys()) - used
    return "\n".join(known[key] for key in sorted(used, key=str))


def kept(name, params, points, wanted, ask, more="", kind="mixed"):
    """`ask(k)`, the numbers at the k-th point, for all points: as they are kept, or asked now.

    The numbers follow from the row's definition, the points with the operands that are `wanted` there, and the text
    `more`, which says how; `kind` is its name.
    """
    if name not in reference.FUNCTIONS:
        return [ask(k) for k in range(len(points))]
    key = f"{name} {params} {len(points)}{f' {kind}' if more else ''}"
    question = (source_of(name), params, points, wanted, DIGITS, *([more] if more else []))
    digest = hashlib.sha256(repr(question).encode()).hexdigest()[:16]
    there = None if WRITES else read_file().get(key)
    if there is not None and there[0] == digest:
        found = [read(texts) for texts in there[1]]
        assert agree(found[0], ask(0)), f"tests/{FILE.name} has other values of {key} than mpmath"
        return found
    began = time.process_time()
    found = [ask(k) for k in range(len(points))]
    if WRITES and time.process_time() - began > SLOW:
        NEW[key] = [digest, [written(numbers) for numbers in found]]
    return found


def truths(name, params, points, wanted):
    """For each point the value, and for each operand that is wanted there the first and the second derivative."""
    function = reference.function_named(name)
    found = kept(name, params, points, wanted, lambda k: flat(*reference.truth(function, points[k], params, wanted[k])))
    return [(v, dict(zip(operands, zip(rest[::2], rest[1::2])))) for (v, *rest), operands in zip(found, wanted)]


def flat(value, partials):
    return [value, *(number for pair in partials.values() for number in pair)]


def written(numbers):
    with mpmath.workdps(DIGITS + 8):
        return " ".join(mpmath.nstr(number, DIGITS) for number in numbers)


def read(texts):
    with mpmath.workdps(DIGITS + 8):
        return [mpf(text) for text in texts.split()]


def agree(kept, fresh):
    with mpmath.workdps(DIGITS + 8):
        near = lambda a, b: a == b or abs(a - b) <= mpf(10) ** (3 - DIGITS) * abs(b)
        return len(kept) == len(fresh) and all(map(near, kept, fresh))
