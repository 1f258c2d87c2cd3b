"""The table of rows: each row against independent references in every respect that it has; a row without data fails.

The data stand in `table_data.py` and `mpmath_functions.py`, the references in `table_references.py`, the checks in
`table_arrays.py`, `table_elementwise.py` and `table_signatures.py`; what applies to a row is derived from it here.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import table_arrays as arrays
import table_spellings as spellings
from table_facets import FACETS, ROWS, facets_of
from table_signatures import DIFFERENCES, TELLS, differences, functions

import difflab as dl
from difflab.errors import UnsupportedError
from difflab.graph.traced import apply
from difflab.primitives import TABLE


@pytest.mark.parametrize("name", ROWS)
def test_each_facet_of_a_row_is_judged(name):
    with np.errstate(all="ignore"):
        for facet in facets_of(name):
            compared = FACETS[facet](name)
            assert compared, (
                f"the row {name!r}: nothing is there to judge its {facet} by; an array row needs calls in CASES of "
                "tests/array_cases.py, or in MORE of tests/table_data.py where NumPy has no function for it"
            )


@pytest.mark.skipif(not TELLS, reason="NumPy before 2.4 does not tell the signatures of its compiled functions")
def test_listed_differences_of_signatures_are_still_there():
    found = {(name, p) for name, _ in DIFFERENCES for path, f in functions(TABLE[name])
             for p, _ in differences(TABLE[name], path, f)}  # fmt: skip
    assert found == set(DIFFERENCES)


def test_every_row_of_numbers_in_javascript():
    """All at once, since starting node costs more than computing."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    asked = []
    for name in ROWS:
        if TABLE[name].kind == "elementwise" and name not in spellings.WITHOUT_SCRIPT:
            for row, params, points in spellings.script_points(name):
                assert points, f"{name}: no points"
                asked.append((name, spellings.form_of(row, params, points[0].xs), points))
    found = spellings.script([form for _, form, _ in asked], [points for *_, points in asked])
    for (name, _, points), results in zip(asked, found, strict=True):
        assert spellings.judge_script(name, points, results), name


@pytest.mark.parametrize("name", spellings.WITHOUT_SCRIPT)
def test_rows_without_javascript(name):
    for row, params, points in spellings.script_points(name):
        with pytest.raises((UnsupportedError, TypeError)):
            spellings.form_of(row, params, points[0].xs)


@pytest.mark.parametrize("name", spellings.WITHOUT_COMPLEX_SLOPE)
def test_complex_slopes_that_are_refused(name):
    with pytest.raises(UnsupportedError, match="complex"):
        dl.vjp(lambda z: apply(TABLE[name], (z,)), 0.3 + 0.4j)[1](1.0 + 0j)


def test_references_are_independent():
    """The guard itself: a row computed while a reference is, is refused."""
    from table_references import NotIndependentError

    with pytest.raises(NotIndependentError, match="sin"):
        arrays.reference(lambda x: TABLE["sin"].evaluate(x), [1.0])
