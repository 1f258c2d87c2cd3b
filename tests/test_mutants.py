"""The mutants: each kind of wrong line on a small text, the sample, and a wrong rule that its tests find."""

from __future__ import annotations

import pytest

from benchmarks.mutants import __main__ as command
from benchmarks.mutants.operators import KINDS, find
from benchmarks.mutants.reach import ROOMS, Reach
from benchmarks.mutants.sample import all_sites, draw, equivalent, equivalents
from benchmarks.mutants.server import Server

PUT_IN = [
    ("sign", "y = a + b", {"y = (a - b)"}),
    ("sign", "y = -a", {"y = a"}),
    ("factor", "y = 3 * a", {"y = 4 * a", "y = 6 * a"}),
    ("factor", "y = 0.5", {"y = 1.0"}),
    ("factor", "y = 0", {"y = 1"}),
    ("swap", "y = a - b", {"y = (b - a)"}),
    ("swap", "y = f(a, b, c)", {"y = f(b, a, c)"}),
    ("swap", "y = max(a, b)", set()),
    ("term", "y = a - b", {"y = a", "y = (-b)"}),
    ("term", "y = a * b", {"y = a", "y = b"}),
    ("axis", "y = f(a, axis=1)", {"y = f(a, axis=2)", "y = f(a, axis=0)"}),
    ("axis", "y = f(a, axis=None)", {"y = f(a, axis=0)"}),
    ("axis", "y = a.shape[0]", {"y = a.shape[1]"}),
    ("accumulation", "y += a", {"y = a"}),
    ("gate", "y = a < b", {"y = (a <= b)"}),
    ("gate", "y = not a", {"y = a"}),
    ("gate", "y = a and b", {"y = (a or b)", "y = (a)", "y = (b)"}),
    ("gate", "y = a if c else b", {"y = (b if c else a)"}),
    ("gate", "y = a & b", {"y = (a | b)"}),
    ("default", "def f(x, p=0.5): pass", {"def f(x, p=1.0): pass"}),
    ("default", "class A:\n    p: bool = True", {"class A:\n    p: bool = False"}),
    ("operator", "y = a * b", {"y = (a / b)"}),
    ("literal", "y = f(True)", {"y = f(False)"}),
    ("loop", "for i in r:\n    break", {"for i in r:\n    continue"}),
]
LEFT_OUT = [
    ('raise ValueError(f"{a + 1} of {b}")', "error text"),
    ('raise ValueError("of", a + 1)', "error text"),
    ('y = f"{a + 1}"', "text"),
    ("def f(x: Literal[1]) -> Literal[2]: pass", "annotation"),
    ("if TYPE_CHECKING:\n    x = 1", "type-only"),
    ("__all__ = f(1)", "__all__"),
    ("x = Domain(1.0, 2.0)", "where tests sample"),
]


def applied(text, kind):
    source = text.encode()
    return {s.apply(source).decode() for s in find("x.py", source).sites if s.kind == kind}


@pytest.mark.parametrize("kind, text, wanted", PUT_IN, ids=lambda v: v if isinstance(v, str) else "")
def test_each_kind_on_a_small_text(kind, text, wanted):
    found = applied(text, kind)
    assert found == wanted
    for new in found:
        compile(new, "x", "exec")


def test_every_kind_is_in_the_table():
    assert {kind for kind, *_ in PUT_IN} == set(KINDS)


@pytest.mark.parametrize("text, reason", LEFT_OUT)
def test_what_cannot_matter_is_left_out_and_counted(text, reason):
    found = find("x.py", text.encode())
    assert not found.sites
    assert set(found.left_out) == {reason}


def test_places_are_bytes_and_lines_stay():
    source = "# äöü\nπ = 'ü' * (α -\n  β)\n".encode()
    (swap,) = [s for s in find("x.py", source).sites if s.kind == "swap"]
    assert swap.apply(source).decode() == "# äöü\nπ = 'ü' * ((β - α))\n"
    assert (swap.line, swap.text, swap.at_import) == (2, "π = 'ü' * (α -", True)


@pytest.fixture(scope="module")
def everything(request):
    return all_sites(request.config.rootpath, list(ROOMS), [])


def test_samples_repeat_and_share_out(everything):
    sites, left_out = everything
    assert len(sites) > 20_000 and left_out["annotation"] > 100
    sample = draw(sites, 600, 13)
    assert sample == draw(sites, 600, 13) != draw(sites, 600, 14)
    assert sample[:60] == draw(sites, 60, 13)
    assert len({s.id for s in sample}) == 600
    rooms = [s.file.split("/")[1] for s in sample]
    assert {rooms.count(room) for room in ROOMS} == {100}
    assert {s.kind for s in sample} == set(KINDS)


def test_every_equivalent_mutant_has_a_line_and_a_reason(everything):
    """An entry whose line is no longer there says nothing: it must go."""
    sites, _ = everything
    for entry in equivalents():
        assert len(entry["reason"]) > 10 and ("name" in entry) != ("line" in entry and "kind" in entry)
    assert [e for e in equivalents() if not any(equivalent(s, [e]) for s in sites)] == []


SOURCE = """
def slope(x):
    return 2.0 * x - 1.0


def other(x):
    return x + 1.0
"""
TESTS = """
import pytest
from difflab.small import other, slope

@pytest.mark.parametrize("x", [0.0, 1.0])
def test_slope(x):
    assert slope(x) == 2 * x - 1

def test_nothing():
    assert other(1.0)
"""


def test_a_wrong_rule_is_found_by_the_tests_chosen_for_it(tmp_path):
    """In a project of one file: what a test checks is killed, what a test only runs survives, and the file is whole."""
    file = "difflab/small.py"
    for name, text in ((file, SOURCE), ("difflab/__init__.py", ""), ("tests/test_small.py", TESTS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:difflab\n")
    tests = [f"tests/test_small.py::{t}" for t in ("test_slope[0.0]", "test_slope[1.0]", "test_nothing")]
    reach = Reach(tests, [0.01] * 3, {file: {3: 0b011, 7: 0b100}}, tmp_path)
    server = Server(tmp_path, bare=True)
    try:
        sites = find(file, SOURCE.encode()).sites
        found = {(s.line, s.new): command.judge(s, SOURCE.encode(), reach, server, 5.0) for s in sites}
        assert server.ask(tests=tests, seconds=20) == {"code": 0, "failed": None, "passed": 3}
        assert command.confirmed(list(found.values()), server) == set()
    finally:
        server.end()
    assert {r["result"] for (line, _), r in found.items() if line == 3} == {"killed"}
    assert found[3, "(2.0 / x)"]["by"] == tests[0]
    assert {new for (line, new), r in found.items() if line == 7 and r["result"] == "killed"} == {"(x - 1.0)"}
    assert (tmp_path / file).read_text() == SOURCE
