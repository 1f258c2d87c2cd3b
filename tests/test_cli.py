"""The shell command: results, exit status, errors, files."""

from __future__ import annotations

import io
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from patience import HANGS

from difflab.cli import app
from difflab.cli.app import COMMANDS, run


@pytest.fixture
def shell(capsys):
    """Runs a command in this process; gives (status, stdout, stderr)."""

    def call(*arguments: str):
        status = run(list(arguments))
        return status, *capsys.readouterr()

    return call


def process(*arguments: str, **options):
    command = [sys.executable, "-m", "difflab", *arguments]
    return subprocess.run(command, capture_output=True, timeout=HANGS, **{"text": True, **options})


def test_newcomers_are_told_three_things(shell):
    status, out, _ = shell()
    assert status == 0 and all(word in out for word in ("difflab compare", "difflab step", "difflab tour"))
    assert sum(line.startswith("  difflab ") for line in out.splitlines()) == 3


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(shell, name):
    status, out, _ = shell(name, "--help")
    assert status == 0 and f"difflab {name}" in out.partition("Examples:")[2] and "--debug" in out


def test_help_lists_every_command(shell):
    assert all(name in shell("--help")[1] for name in COMMANDS)


@pytest.mark.parametrize(
    ("word", "hint"),
    [("compair", "compare"), ("stepsize", "step-size"), ("x*y + 1", "difflab compare"), ("zzz", "gallery")],
)
def test_unknown_commands_get_a_hint(shell, word, hint):
    status, _, told = shell(word)
    assert status == 2 and hint in told.partition(word)[2]


def test_compare_prints_a_table(shell):
    status, out, _ = shell("compare", "(x + y) * z", "--at", "x=-2,y=5,z=-4")
    assert status == 0 and "agree" in out and "certified" in out and "reverse" in out


def test_compare_json_is_strict(shell):
    status, out, _ = shell("compare", "x*y + sin(x)", "--at", "x=1", "--at", "y=2", "--json")
    found = json.loads(out, parse_constant=lambda name: pytest.fail(name))
    assert status == 0 and found["agree"] is True
    assert math.isclose(found["methods"]["reverse"]["gradient"]["x"], 2 + math.cos(1), rel_tol=1e-15)


@pytest.mark.parametrize("text, at", [("log(x)", "x=-1"), ("1/x", "x=0"), ("x*y", "x=nan,y=inf"), ("abs(x)", "x=0")])
def test_json_holds_no_bare_nan(shell, text, at):
    _, out, _ = shell("compare", text, "--at", at, "--json")
    if out:
        json.loads(out, parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize(
    ("text", "at", "word"),
    [
        ("(1 - cos(x)) / x**2", "x=1e-8", "no digits"),
        ("log(x)", "x=-1", "undefined"),
        ("where(x>0,x,-x)", "x=0", "kink"),
        ("floor(x)", "x=2", "jump"),
    ],
)
def test_what_is_no_agreement_is_status_1_with_its_reason(shell, text, at, word):
    status, out, _ = shell("compare", text, "--at", at, "--json")
    found = json.loads(out, parse_constant=lambda name: pytest.fail(name))
    assert status == 1 and found["verdict"] == "undecided" and found["agree"] is False and word in found["reason"]
    assert word in found["methods"]["reverse"]["verdict"]
    status, out, _ = shell("compare", text, "--at", at)
    assert status == 1 and "undecided: " in out and "agree\n" not in out


def test_two_methods_of_one_kind_decide_nothing(shell):
    assert shell("compare", "x*x", "--at", "x=1", "--method", "reverse", "--method", "forward")[0] == 1
    assert shell("compare", "x*x", "--at", "x=1", "--method", "reverse", "--method", "symbolic")[0] == 0


def test_leading_minus_is_an_expression(shell):
    status, out, _ = shell("compare", "-x*y", "--at", "x=1,y=2", "--json")
    assert status == 0 and json.loads(out)["value"] == -2
    assert shell("compare", "--at", "x=1", "--json", "--", "-x")[0] == 0


def test_standard_input(shell, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x * 3\n")))
    assert shell("compare", "-", "--at", "x=1", "--json")[0] == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x * \xff")))
    status, _, told = shell("compare", "-", "--at", "x=1")
    assert status == 2 and "0xff" in told
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 2_000_000)))
    assert shell("compare", "-", "--at", "x=1")[0] == 2


BAD = [
    "",
    " ",
    "x +",
    "foo(x)",
    "x.__class__",
    "__import__('os').system('id')",
    "9**9**9**9",
    "(" * 5000 + "x",
    "\u0455in(x)",
    "x\x00y",
    "x\x1b[31m",
    "lambda: x",
    "x" * 300_000,
    "<b>x</b>",
    'x" URL="javascript:1',
    "[x for x in y]",
    "x if x else y",
    "1e999999**x**y(",
    "+" * 3000 + "x",
    "x; ; y",
    "x = ",
    "f'{x}'",
    "\ud800",
    "\u202ex",
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize(
    "command", [["compare"], ["draw", "-o", "out.svg"], ["step-size"], ["source"]], ids=lambda c: c[0]
)
def test_bad_expressions(shell, text, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, told = shell(command[0], text, "--at", "x=1", *command[1:])
    assert status == 2 and told.strip() and out == ""
    assert "Traceback" not in told and "internal" not in told and len(told) < 5000
    assert all(c.isprintable() or c == "\n" for c in told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("x=1", "y"),
        ("", "x"),
        ("x=1,y", "y"),
        ("x=1,y=", "y"),
        ("x=1,x=2,y=1", "x"),
        ("x=1,y=[1,[2]]", "y"),
        ("x=1,y=q", "q"),
        ("x=1,y=9**9**9", "y"),
        ("x=1,2y=3", "2y"),
        ("x=1,y=[[1,2],[3]]", "y"),
        ("x=1,y=[]", "y"),
        ("x=1,y=open('f')", "y"),
        ("x=1,y=2,q=3", "q"),
    ],
)
def test_bad_points_name_the_culprit(shell, at, name):
    status, _, told = shell("compare", "x + y", "--at", at)
    assert status == 2 and name in told and "Traceback" not in told and "internal" not in told


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--method", "telepathy"], "telepathy"),
        (["--wrt", "q"], "q"),
        (["--seconds", "-1"], "-1"),
        (["--jsn"], "--jsn"),
        (["--plot", "p.gif"], ".png"),
        (["--plot", "missing/p.png"], "missing"),
    ],
)
def test_bad_options_name_the_culprit(shell, arguments, name):
    status, _, told = shell("compare", "x*x", "--at", "x=1", *arguments)
    assert status == 2 and name in told


def test_arrays_at_the_shell_and_shapes_that_do_not_fit(shell):
    assert shell("compare", "sum(W @ x)", "--at", "W=[[1,2],[3,4]],x=[1,2]", "--json")[0] == 0
    status, _, told = shell("compare", "W @ x", "--at", "W=[[1,2],[3,4]],x=[1,2]")
    assert status == 2 and "scalar" in told
    status, _, told = shell("compare", "sum(W @ x)", "--at", "W=[[1,2],[3,4]],x=[1,2,3]")
    assert status == 2 and "internal" not in told


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".dot"])
def test_draw(shell, tmp_path, suffix):
    path = tmp_path / f"passes{suffix}"
    status, out, told = shell("draw", "(x + y) * z", "--at", "x=-2,y=5,z=-4", "-o", str(path))
    assert status == 0 and out == "" and "passes" in told and path.stat().st_size > 200


@pytest.mark.parametrize("view", ["both", "forward", "backward", "graph", "symbolic"])
def test_draw_views_to_standard_output(shell, view):
    status, out, _ = shell("draw", "(x + y) * z", "--at", "x=-2,y=5,z=-4", "--view", view)
    assert status == 0 and out.lstrip().startswith("<") and "<script" not in out


def test_draw_without_a_point_draws_the_graph(shell):
    assert "Backward" not in shell("draw", "(x + y) * z")[1]
    assert "Backward" in shell("draw", "(x + y) * z", "--at", "x=1,y=2,z=3")[1]


def test_draw_the_local_process_in_symbols_and_numbers(shell):
    symbols, numbers = (
        shell("draw", "z = x * y; L = z**2", "--view", "symbolic", *at)[1].replace("\u00a0", " ")
        for at in ([], ["--at", "x=3,y=-4"])
    )
    assert "∂z/∂x = y" in symbols and "∂L/∂z = -24" not in symbols and "∂L/∂z = -24" in numbers


def test_draw_bad_input(shell, tmp_path):
    for arguments, name in (
        (["-o", str(tmp_path / "a.gif")], ".gif"),
        (["--view", "sideways"], "sideways"),
        (["--at", "x=1,q=2"], "q"),
        (["--view", "both"], "at"),
    ):
        status, _, told = shell("draw", "x * x", *arguments)
        assert status == 2 and name in told and "internal" not in told
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unasked_nor_through_links(shell, tmp_path):
    there, link = tmp_path / "a.svg", tmp_path / "link.svg"
    there.write_text("mine")
    link.symlink_to(there)
    draw = lambda *more: shell("draw", "x * x", "--at", "x=1", *more)
    status, _, told = draw("-o", str(there))
    assert status == 2 and "a.svg" in told and "--force" in told and there.read_text() == "mine"
    for force in ([], ["--force"]):
        assert draw("-o", str(link), *force)[0] == 2 and there.read_text() == "mine"
    assert draw("-o", str(there), "--force")[0] == 0 and there.read_text() != "mine"
    dangling = tmp_path / "dangling.svg"
    dangling.symlink_to(tmp_path / "elsewhere.svg")
    assert draw("-o", str(dangling))[0] == 2 and not (tmp_path / "elsewhere.svg").exists()


def test_step_size_and_swell(shell, tmp_path):
    status, out, _ = shell("step-size", "exp(x)", "--at", "x=1", "-o", str(tmp_path / "v.png"), "--json")
    assert status == 0 and json.loads(out) and (tmp_path / "v.png").read_bytes()[:4] == b"\x89PNG"
    status, out, _ = shell("swell", "logistic", "--depth", "2", "-o", str(tmp_path / "w.svg"))
    assert status == 0 and "logistic" in out and (tmp_path / "w.svg").exists()
    status, _, told = shell("swell", "logistics")
    assert status == 2 and "logistic" in told
    assert shell("swell", "logistic", "--depth", "0")[0] == 2


def test_step_size_moves_the_input_asked_for(shell):
    found = json.loads(shell("step-size", "x*y", "--at", "x=3,y=2", "--wrt", "y", "--json")[1])
    assert found["input"] == "y" and found["derivative"] == 3.0
    status, _, told = shell("step-size", "x*y", "--at", "x=3,y=2", "--wrt", "z")
    assert status == 2 and "x, y" in told


def test_the_shell_names_its_own_option_where_a_file_exists(shell, tmp_path):
    there = tmp_path / "v.svg"
    there.touch()
    status, _, told = shell("swell", "logistic", "--depth", "1", "-o", str(there))
    assert status == 2 and "use --force to" in told and "force=True" not in told


INTO_A_FILE = {
    "draw": ("draw", "x * x", "--at", "x=1", "-o", "{0}/a.svg"),
    "mdp": ("mdp", "gridworld", "--out", "{0}/run"),
    "step": ("step", "x * x", "--at", "x=1", "-o", "{0}/a.html"),
    "gallery": ("gallery", "{0}/gallery"),
}


@pytest.mark.parametrize("words", INTO_A_FILE.values(), ids=list(INTO_A_FILE))
def test_a_file_in_a_folders_place_is_named(shell, words, tmp_path):
    there = tmp_path / "notes.txt"
    there.write_text("mine")
    status, _, told = shell(*[word.format(there) for word in words])
    assert status == 2 and "notes.txt" in told and "is a file" in told, told
    assert there.read_text() == "mine"


def test_gallery(shell, tmp_path):
    assert shell("gallery", str(tmp_path / "g"))[0] == 0
    assert len(list((tmp_path / "g").glob("*.svg"))) >= 8 and (tmp_path / "g" / "README.md").exists()
    status, _, told = shell("gallery", str(tmp_path / "g"))
    assert status == 2 and "force" in told
    (tmp_path / "file").write_text("mine")
    assert shell("gallery", str(tmp_path / "file"))[0] == 2
    (tmp_path / "link").symlink_to(tmp_path / "g")
    assert shell("gallery", str(tmp_path / "link"), "--force")[0] == 2


def test_tour(shell, tmp_path, monkeypatch):
    readme = (pathlib.Path(__file__).parent.parent / "README.md").read_text()
    words = re.search(r"&& \.venv/bin/difflab (tour .+)", readme)[1].split()
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "difflab-tour"
    folder.mkdir()
    for name in ("index.html", "product.svg", "mine.txt"):
        (folder / name).write_text("of an earlier run")
    status, out, told = shell(*words)  # the README's command can be run again
    assert status == 0 and "index.html" in out and "certified" in out and "comparing" in told
    page = (folder / "index.html").read_text()
    assert "<svg" in page and page.count('role="img" aria-label="relative error') == 2 and "viewport" in page
    assert not any(word in page for word in ("<script", 'src="http', 'href="http', "url(http"))
    json.loads((folder / "comparisons.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    status, _, told = shell("tour", str(folder))
    assert status == 2 and "force" in told
    assert (folder / "mine.txt").read_text() == "of an earlier run" and "<svg" in (folder / "product.svg").read_text()
    (tmp_path / "link").symlink_to(tmp_path)
    assert shell("tour", str(tmp_path / "link"))[0] == 2
    (tmp_path / "file").write_text("mine")
    assert shell("tour", str(tmp_path / "file"))[0] == 2 and shell("tour", str(tmp_path / "file" / "x"))[0] == 2


def test_accuracy(shell, tmp_path):
    status, out, _ = shell(
        "accuracy", "--rows", "tanh,exp", "--points", "3", "--no-peers", "-o", str(tmp_path / "a.md")
    )
    assert status == 0 and "tanh" in out and "tanh" in (tmp_path / "a.md").read_text()
    status, out, _ = shell("accuracy", "--rows", "tanh", "--points", "3", "--no-peers", "--json")
    assert status == 0 and json.loads(out)["rows"][0]["name"] == "tanh"
    for rows in ("tanhh", ",", "matmul"):
        assert shell("accuracy", "--rows", rows)[0] == 2


def test_source_shows_a_program(shell):
    status, out, _ = shell("source", "(x + y) * z", "--at", "x=-2,y=5,z=-4")
    assert status == 0 and out.startswith("def ")


def test_doctor_and_version(shell):
    status, out, _ = shell("doctor")
    assert status == 0 and "Graphviz" in out and "certified" in out
    assert all(name in out for name in ("numba", "gymnasium", "starlette"))
    assert json.loads(shell("doctor", "--json")[1])["ok"] is True
    assert shell("version")[1] == shell("--version")[1]


def test_debug_shows_the_traceback(shell):
    assert "Traceback" in shell("compare", "x +", "--at", "x=1", "--debug")[2]
    assert "Traceback" in shell("--debug", "compare", "x +", "--at", "x=1")[2]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (RuntimeError("\x1b[31mboom"), 3, "internal error"),
        (RecursionError(), 2, "nested"),
        (MemoryError(), 2, "large"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (PermissionError(13, "Permission denied", "f"), 2, "f"),
    ],
)
def test_whatever_ends_a_command(shell, monkeypatch, error, status, said):
    from difflab.cli import version

    monkeypatch.setattr(app, "leave_output", lambda: None)
    monkeypatch.setattr(version.command, "callback", lambda: (_ for _ in ()).throw(error))
    found, _, told = shell("version")
    assert found == status and said in told and "Traceback" not in told and "\x1b" not in told
    assert bool(told) == bool(said)


def test_closed_output_is_quiet():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "difflab", "compare", "--help"], stdout=write, stderr=subprocess.PIPE, timeout=HANGS
    )
    os.close(write)
    assert done.stderr == b"" and done.returncode == 141


def test_a_reader_that_leaves_is_no_disagreement():
    command = f"{sys.executable} -m difflab compare x*y --at x=1,y=2 | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=HANGS)
    assert done.stderr == "" and done.stdout.splitlines()[-1] in ("0", "141")


def test_empty_names(shell):
    for arguments in (
        ["draw", "x", "-o", ""],
        ["compare", "x", "--at", "x=1", "--plot", ""],
        ["tour", ""],
        ["gallery", " "],
    ):
        assert shell(*arguments)[0] == 2


def test_interrupt_is_quiet():
    child = subprocess.Popen(
        [sys.executable, "-m", "difflab", "compare", "-", "--at", "x=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    child.stdin.write(b" " * 2**17)  # more than a pipe holds: done when the child has begun to read
    child.send_signal(signal.SIGINT)
    out, told = child.communicate(timeout=HANGS)
    assert child.returncode == 130 and told.strip() == b"" and out == b""


def test_process_with_no_color_and_an_ascii_terminal():
    done = process(
        "compare", "x*y", "--at", "x=1,y=2", env={**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0 and "\x1b" not in done.stdout and "agree" in done.stdout


def test_bad_input_answers_before_anything_slow_is_loaded():
    code = (
        "import sys; from difflab.cli.app import run; status = run(['compare', 'x + y', '--at', 'x=1']); "
        "print(status, sorted({'sympy', 'flint', 'matplotlib', 'scipy.optimize'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANGS)
    assert done.stdout.strip() == "2 []" and "y" in done.stderr


@pytest.mark.parametrize(
    "command", [["tour"], ["gallery"], ["train", "mlp", "--epochs", "1", "--out"]], ids=lambda c: c[0]
)
def test_folders_behind_links_stay_as_they_are(shell, command, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    status, _, told = shell(*command, str(tmp_path / "link"))
    assert status == 2 and "is a link" in told and list((tmp_path / "real").iterdir()) == []


def test_export_writes_for_others(shell, tmp_path):
    at = ("--at", "x=-2,y=5,z=-4")
    status, out, _ = shell("export", "(x + y) * z", *at, "--to", "c", "--gradient", "--name", "f")
    assert status == 0 and "void f(double x, double y, double z, double *y0" in out
    status, out, _ = shell("export", "q = x + y; f = q * z", "--to", "latex")
    assert status == 0 and out.splitlines()[1:3] == ["q &= x + y \\\\", "f &= q \\cdot z"]
    path = tmp_path / "f.py"
    status, _, _ = shell("export", "(x + y) * z", *at, "--to", "numpy", "-o", str(path))
    space = {}
    exec(path.read_text(), space)
    assert status == 0 and space["function"](-2, 5, -4) == -12
    status, _, err = shell("export", "x", "--at", "x=1", "--to", "onnx")
    assert status == 2 and "name it with -o" in err
