"""The public names: all importable, lazily, and the same for type checkers and at run time."""

from __future__ import annotations

import ast
import pathlib
import types

import pytest

import difflab as dl


@pytest.mark.parametrize("name", sorted(dl._HOME))
def test_every_public_name_is_there(name):
    value = getattr(dl, name)
    assert not isinstance(value, types.ModuleType) and value.__doc__


def test_type_checkers_see_the_same_names():
    tree = ast.parse(pathlib.Path(dl.__file__).read_text())
    block = next(n for n in tree.body if isinstance(n, ast.If))
    seen = {f"difflab.{n.module}" if n.module else "difflab": sorted(a.asname for a in n.names) for n in block.body}
    named = {home: sorted(names.split()) for home, names in dl._HOMES.items()}
    assert seen == named | {"difflab": sorted(dl._MODULES)}


def test_rooms_do_not_hide_functions():
    import difflab.compile.program.program
    import difflab.differentiate.transform  # noqa: F401

    assert callable(dl.compile) and callable(dl.differentiate) and callable(dl.draw)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="gradd"):
        dl.gradd  # noqa: B018
