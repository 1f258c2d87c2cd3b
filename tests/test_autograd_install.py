"""`import autograd` as difflab.autograd, and programs that are run so. Each runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import difflab

PATH = str(Path(difflab.__file__).parents[1])


def python(*arguments, cwd=None):
    """What a process with these arguments says: its exit status, output and errors."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, env={"PYTHONPATH": PATH, "HOME": "/"}
    )
    return done.returncode, done.stdout, done.stderr


def run(*arguments, cwd=None):
    return python("-m", "difflab.autograd", *arguments, cwd=cwd)


INSTALLED = """
import difflab.autograd
assert difflab.autograd.install() is difflab.autograd
import autograd, autograd.numpy as np, autograd.scipy.stats.norm as norm
from autograd import grad, numpy
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.extend import primitive, defvjp
from autograd.tracer import isbox, getval
from autograd.misc.flatten import flatten
from autograd.misc.optimizers import adam
from autograd.scipy.special import gammaln
from autograd.differential_operators import make_vjp
from autograd.test_util import check_grads
import autograd.core, autograd.builtins, autograd.util, autograd.wrap_util, autograd.scipy.signal
assert autograd is difflab.autograd and np is difflab.autograd.numpy is numpy
assert norm is difflab.autograd.scipy.stats.norm
import sys
again = dict(sys.modules)
difflab.autograd.install()
assert again == sys.modules
twice = {n for n, m in sys.modules.items() if n.startswith("autograd") and m is not sys.modules["difflab." + n]}
print(grad(lambda x: norm.logpdf(x) + np.sum(x))(0.5), twice)
"""


def test_install_makes_every_module_mean_ours():
    assert python("-c", INSTALLED) == (0, "0.5 set()\n", "")


def test_install_is_no_import_of_what_is_heavy():
    told = python("-c", "import difflab.autograd as a, sys; a.install(); print('scipy' in sys.modules)")
    assert told == (0, "False\n", "")


def test_difflab_does_not_import_its_autograd():
    code = "import difflab, sys; difflab.grad; print('difflab.autograd' in sys.modules, difflab.autograd.grad(abs)(2))"
    assert python("-c", code) == (0, "False 1.0\n", "")


def test_an_autograd_that_is_imported_already_is_refused(tmp_path):
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "__init__.py").write_text("grad = None\n")
    code = (
        "import sys; sys.path.insert(0, '.')\nimport autograd as other, difflab.autograd as ours\n"
        "try: ours.install()\nexcept ValueError as error: print(error)\n"
        "ours.install(replace=True)\nimport autograd\nprint(autograd is ours, other is ours)"
    )
    rc, out, err = python("-c", code, cwd=tmp_path)
    assert (rc, err) == (0, "")
    said, answer = out.splitlines()
    assert "has been imported already" in said and "replace=True" in said and "__init__.py" in said
    assert answer == "True False"


SCRIPT = """
import sys, helper
import autograd.numpy as np
from autograd import grad
print(__name__, sys.argv[1:], helper.VALUE, grad(lambda x: np.sum(x**2))(np.array([1, 2])))
if "fail" in sys.argv:
    raise KeyError("told")
if "exit" in sys.argv:
    sys.exit(7)
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "program.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text("VALUE = 3\n")
    return tmp_path


def test_programs_run_unchanged(script):
    expected = "__main__ ['a', '-b'] 3 [2. 4.]\n"
    assert run(str(script / "program.py"), "a", "-b") == (0, expected, "")
    assert run("program.py", "a", "-b", cwd=script) == (0, expected, "")
    assert run("-m", "program", "a", "-b", cwd=script) == (0, expected, "")
    assert run("--compile", "program.py", "a", "-b", cwd=script) == (0, expected, "")
    told = run("-c", "import sys, autograd; print(sys.argv, autograd.__name__)", "x")
    assert told == (0, "['-c', 'x'] difflab.autograd\n", "")


def test_the_exit_status_is_the_programs(script):
    assert run("program.py", "exit", cwd=script)[0] == 7
    assert run("-c", "raise SystemExit('told')")[::2] == (1, "told\n")
    assert run("-c", "raise KeyboardInterrupt")[0] == 130


@pytest.mark.parametrize("form", [["program.py"], ["-m", "program"]])
def test_a_traceback_begins_in_the_program(script, form):
    rc, _, err = run(*form, "fail", cwd=script)
    assert rc == 1
    lines = err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "program.py" in lines[1] and lines[-1] == "KeyError: 'told'"
    assert "runpy" not in err and "difflab" not in err


def test_what_is_missing_is_said(tmp_path):
    rc, out, err = run("missing.py", cwd=tmp_path)
    assert (rc, out) == (2, "")
    assert "no file 'missing.py'" in err and "usage:" in err
    assert run()[0] == run("-m")[0] == 2
    assert run("--help")[:2] == (0, run()[2])
    rc, _, err = run("-m", "missing_module", cwd=tmp_path)
    assert rc == 1 and "missing_module" in err
