"""Hooks: each has a file that fills it, named by the package or imported with its room."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from difflab import hooks
from difflab.hooks import Hook

ROOT = Path(hooks.__file__).parent
HOMES = [  # the files in which hooks stand
    ".".join(("difflab", *path.relative_to(ROOT).with_suffix("").parts))
    for path in sorted(ROOT.rglob("*.py"))
    if "] = Hook(" in path.read_text() and path.name != "hooks.py"
]


@pytest.mark.parametrize("name", sorted(hooks.FILLERS))
def test_the_file_that_is_named_fills_the_hook(name):
    import_module(hooks.FILLERS[name])
    found = [h for home in HOMES for h in vars(import_module(home)).values() if isinstance(h, Hook) and h.name == name]
    assert [hook.filler.__module__ for hook in found] == [hooks.FILLERS[name]]


@pytest.mark.parametrize("home", HOMES)
def test_every_hook_is_filled_or_named(home):
    program = f"""if True:
        from importlib import import_module
        from difflab.hooks import FILLERS, Hook
        found = [h for h in vars(import_module({home!r})).values() if isinstance(h, Hook)]
        print(len(found), *[h.name for h in found if h.filler is None and h.name not in FILLERS])
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    number, *forgotten = done.stdout.split()
    assert int(number) > 0 and forgotten == []


def test_a_hook_that_nothing_fills_says_so():
    hook: Hook[[int], int] = Hook("nobody's")
    with pytest.raises(AssertionError, match='nothing fills the hook "nobody\'s"'):
        hook(3)
    hook.fill(lambda x: 2 * x)
    assert hook(3) == 6


def test_a_hook_is_filled_when_it_is_called(tmp_path):
    (tmp_path / "upper.py").write_text("from lower import DOUBLE\nDOUBLE.fill(lambda x: 2 * x)\n")
    (tmp_path / "lower.py").write_text("from difflab.hooks import Hook\nDOUBLE = Hook('double')\n")
    program = "import sys; sys.path.insert(0, sys.argv[1])\nfrom difflab import hooks\nimport lower\n"
    program += "hooks.FILLERS['double'] = 'upper'\nassert 'upper' not in sys.modules\nprint(lower.DOUBLE(3))"
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "6\n"


def test_the_package_alone_loads_its_hooks_and_version_only():
    program = "import sys, difflab\nprint(sorted(n for n in sys.modules if n.startswith('difflab')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['difflab', 'difflab.hooks', 'difflab.version']\n"
