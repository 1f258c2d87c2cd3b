"""docs/conventions.md: every number of its table, by the library itself."""

from __future__ import annotations

import numpy as np
import pytest
from conventions_cases import BEGIN, CASES, END, LIBRARIES, PAGE, REFUSED, RUN, page, table

MODULES = {"PyTorch": "torch", "JAX": "jax", "autograd": "autograd"}
ASKED = [
    pytest.param(case, library, found, id=f"{library}-{case.text.strip('`')}-{k}")
    for k, case in enumerate(CASES)
    for library, found in zip(LIBRARIES, case.found)
    if found is not None
]


@pytest.fixture
def library_is_there(request):
    library = request.node.callspec.params["library"]
    if library in MODULES:
        module = pytest.importorskip(MODULES[library], reason=f"{library} is not installed (extra peers)")
        if library == "JAX":
            module.config.update("jax_enable_x64", True)


@pytest.mark.usefixtures("library_is_there")
@pytest.mark.parametrize("case, library, found", ASKED)
def test_what_the_library_returns(case, library, found):
    with np.errstate(all="ignore"):
        now = RUN[library](case)
    if found == REFUSED:
        assert now == REFUSED
        return
    assert len(now) == len(found)
    for a, b in zip(now, found):
        assert np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True), f"{now} is not {found}"


def test_the_page_shows_the_table():
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1 and table() in text
    assert page(text) == text, "run python tests/conventions_cases.py"
