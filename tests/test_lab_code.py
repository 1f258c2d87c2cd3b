"""Programs in the lab: which function is meant, at which point, and errors with the line and the place marked."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.errors import InputError
from difflab.lab.server.answers import answer, answered
from difflab.lab.server.code import Program
from difflab.lab.server.question import CODE, PARTS, Code, Question
from difflab.lab.server.watched import LARGEST, Watched

TWO = "def f(x, y):\n    return np.sin(x) * y\n\n\ndef g(a):\n    return f(a, a)\n"
WRAPPED = """import functools

def twice(f):
    @functools.wraps(f)
    def made(*values, **named):
        return 2 * f(*values, **named)
    return made

@twice
def f(x, y):
    return x * y
"""


def asked(text, point, part="comparison", **code):
    return answered(part, text, point, Code(**code))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_there_for_a_function(part):
    kind, shown = asked(CODE, "x=0.3, y=1.5", part)
    assert kind == "html" and len(shown) > 500
    assert part != "page" or "of f(x, y)</h1>" in shown


def test_the_numbers_are_those_of_the_function():
    program = Program(TWO, Code())
    call, values = program.function("f").at({"x": 0.3, "y": -2.0})
    slopes = dl.grad(call, argnums=(0, 1))(*values)
    assert np.allclose(slopes, (-2 * np.cos(0.3), np.sin(0.3)), rtol=1e-15)


@pytest.mark.parametrize(
    "text, chosen, names",
    [
        (TWO, "", ["a"]),
        (TWO, "f", ["x", "y"]),
        ("f = lambda u, v: u * v", "", ["u", "v"]),
        ("def f(x, *, y):\n    return x * y", "", ["x", "y"]),
        ("def f(x, n=3, flag=True, name='a'):\n    return x**n", "", ["x"]),
        ("def f(x, rate=0.5, w=[1, 2.0]):\n    return x * rate", "", ["x", "rate", "w"]),
        ("def f(x, *more, **others):\n    return x", "", ["x"]),
        (WRAPPED, "f", ["x", "y"]),
    ],
)
def test_the_point_needs_these_arguments(text, chosen, names):
    found = Program(text, Code()).function(chosen)
    assert list(found.defaults) == names
    point = ", ".join(f"{n}={[1.5, 2.5] if n == 'w' else 1.5}" for n in names)
    assert asked(text, point, function=chosen)[0] == "html"


@pytest.mark.parametrize(
    "point, told, mended",
    [
        ("", "the point gives no value for x, rate, w; write x=1", "x=1, rate=0.5, w=[1,2]"),
        ("x=3, w=[4]", "the point gives no value for rate; write rate=0.5", "x=3, rate=0.5, w=[4]"),
        ("x=1, rate=2, w=[1], z=3", "the point names z; the arguments of f are x, rate, w, n", "x=1, rate=2, w=[1]"),
    ],
)
def test_the_point_follows_the_arguments(point, told, mended):
    text = "def f(x, rate=0.5, w=[1, 2.0], n=2):\n    return x * rate * np.sum(w) ** n\n"
    assert asked(text, point) == ("names", told, mended)
    assert asked(text, mended)[0] == "html"


WRONG = {
    "a name": (
        "def f(x):\n    return snin(x)",
        "line 2: NameError: name 'snin' is not defined\n      return snin(x)\n             ^^^^",
    ),
    "syntax": ("def f(x):\n    return x +* 2\n", "line 2: invalid syntax\n      return x +* 2\n                ^"),
    "an open bracket": ("def f(x):\n    return (x\n", "line 2: '(' was never closed\n      return (x\n             ^"),
    "depth": ("def f(x):\nreturn x", "line 2: expected an indented block after function definition on line 1"),
    "no function": ("x = 3", "there is no function here; write one such as\n  def f(x, y):"),
    "nothing": ("", "there is no function here"),
    "at once": ("a = 1\nb = 1 / 0\n", "line 2: ZeroDivisionError: division by zero\n  b = 1 / 0\n      ^^^^^"),
    "shapes": (
        "def f(x):\n    w = np.ones((2, 3))\n    return np.sum(w @ np.array([x, x]))",
        "line 3: matmul",
    ),
    "a number": ("def f(x):\n    return float(x)", "line 2: float(x): float() of a traced value"),
    "deep": (
        "def h(x):\n    return x.foo\n\ndef f(x):\n    return h(x)",
        "line 2: ",
    ),
    "a letter": ("def f(x):\n    s = 'é' + x.nothing\n", "line 2: "),
    "its end": ("raise SystemExit(3)", "line 1: SystemExit: 3"),
    "a module": ("import nosuchmodule\n", "line 1: ModuleNotFoundError: No module named 'nosuchmodule'"),
    "a zero": ("def f(x):\n    return x\n\0", "source code string cannot contain null bytes"),
    "an array": ("def f(x):\n    return x * np.ones(3)", "the output has shape (3,), a gradient needs a scalar"),
    "no call": ("f = 3\ndef g(x): return x", "there is no function f; there are g"),
    "places": ("def f(x, /):\n    return x", "the argument x of f stands before a /"),
    "recursion": ("def f(x):\n    return f(x)", "line 2: RecursionError"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_line_and_place(case):
    text, told = WRONG[case]
    kind, found = asked(text, "x=1", "page", function="f" if case == "no call" else "")
    assert kind == "input" and told in found, found
    assert found.isascii() or case == "a letter"


def test_the_mark_stands_below_what_it_marks():
    found = asked("def f(x):\n    return 'éé' + nosuch(x)\n", "x=1")[1].splitlines()
    assert found[1][found[2].index("^") :].startswith("nosuch") and found[2].count("^") == len("nosuch")


def test_a_fault_of_difflab_is_none_of_the_program(monkeypatch, capfd):
    monkeypatch.setitem(__import__("difflab.lab.server.answers", fromlist=["SHOWN"]).SHOWN, "curve", lambda s: 1 / 0)
    assert asked(CODE, "x=1, y=2", "curve")[0] == "error" and "Traceback" in capfd.readouterr().err


def test_a_file_imports_what_stands_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # and is put back
    (tmp_path / "beside_it.py").write_text("def square(x):\n    return x * x\n")
    path = tmp_path / "losses.py"
    path.write_text("import beside_it\n\n\ndef loss(x):\n    return beside_it.square(x) + nosuch\n")
    told = asked(path.read_text(), "x=1", file=str(path))
    assert told[0] == "input" and told[1].startswith("line 5: NameError")


def test_a_watched_file_says_what_is_new(tmp_path):
    path = tmp_path / "losses.py"
    watched = Watched(path)
    assert watched.name == "losses.py"
    told = "losses.py cannot be read: No such file or directory; save it again"
    assert watched.state("") == {"version": "", "error": told}
    path.write_text("a = 1\n")
    first = watched.state("")
    assert first["text"] == "a = 1\n" and watched.state(first["version"]) == {"version": first["version"]}
    path.write_text("a = 12\n")
    assert watched.state(first["version"])["text"] == "a = 12\n"
    asked = watched.filled(Question("page", "typed", "x=1", kind="file"))
    assert asked.expression == "a = 12\n" and asked.file == str(path) and asked.code == Code("", str(path))
    typed = Question("page", "typed", "x=1", kind="code")
    assert watched.filled(typed) == typed and typed.code == Code()


@pytest.mark.parametrize(
    "data, told",
    [
        (b"x = '\xff'", "is no text"),
        (b"# coding: nosuch\n", "is no text"),
        (b"#" * (LARGEST + 1), "more than 200,000 bytes"),
        (b"# coding: latin-1\ns = '\xe9'", None),
    ],
)
def test_a_file_that_is_no_text_is_said(tmp_path, data, told):
    path = tmp_path / "losses.py"
    path.write_bytes(data)
    found = Watched(path).state("")
    assert (told is None) == ("text" in found) and (told is None or told in found["error"])
    assert told is not None or found["text"].endswith("'é'")


def test_no_file_is_watched_if_none_is_named():
    assert Watched(None).name == "" and "no file is watched" in Watched(None).state("")["error"]
    with pytest.raises(InputError, match="no file is watched"):
        Watched(None).filled(Question("page", "", "", kind="file"))


def test_a_part_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no part 'nothing'; there are page, comparison"):
        answer("nothing", "x", "x=1")
