"""What pytest gets: the fixture `assert_gradients_agree` and the marker `gradients`.

A test with the marker returns the function to be tested, or a pair of it and its gradient. The plugin draws the points,
makes each a test of its own (so -k, --lf and xdist work on points), and judges the gradient there.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..types import Value

ATTEMPTS = 25  # points that are drawn before a region is given up
POINT = "_difflab_point"
MARKER = (
    "gradients(points=20, shape=(), shapes=None, low=None, high=None, seed=0, draw=None, dtype=float, rtol=None, "
    "ulps=None, allow_kinks=False, seconds=10): the test returns a function, or (function, gradient); its gradient is "
    "judged at each of the points"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(name="assert_gradients_agree")
def _assert_gradients_agree() -> Callable[..., None]:
    """`difflab.testing.assert_gradients_agree`."""
    from .agreement import assert_gradients_agree

    return assert_gradients_agree


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each point."""
    mark = metafunc.definition.get_closest_marker("gradients")
    if mark is None:
        return
    from .points import regions

    metafunc.fixturenames.append(POINT)  # the test itself does not take it
    names = regions(drawing(mark, metafunc.definition.nodeid).points)
    metafunc.parametrize(POINT, names, ids=names)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Refuses a marked test that pytest makes no tests of, one for each point: nothing would be judged, and it pass."""
    marked = isinstance(item, pytest.Function) and item.get_closest_marker("gradients") is not None
    if marked and POINT not in getattr(getattr(item, "callspec", None), "params", ()):
        pytest.fail(
            f"{item.nodeid} is marked `gradients` and is a method of a unittest.TestCase, which pytest cannot run at "
            "several points; make it a function, or a method of a class that does not derive from TestCase",
            pytrace=False,
        )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a marked test and judges what it returns."""
    mark = pyfuncitem.get_closest_marker("gradients")
    if mark is None:
        return None
    asked = pyfuncitem._fixtureinfo.argnames
    returned = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in asked})
    check(returned, drawing(mark, pyfuncitem.nodeid), str(pyfuncitem.callspec.params[POINT]), pyfuncitem.nodeid)
    return True


def drawing(mark: pytest.Mark, test: str) -> Value:
    from ..errors import DifflabError
    from .points import Drawing

    try:
        return Drawing(*mark.args, **mark.kwargs)
    except (DifflabError, TypeError) as error:
        told = str(error).removeprefix("gradients: ").replace("Drawing.__init__()", "it")
        pytest.fail(f"{test}: @pytest.mark.gradients: {told}", pytrace=False)


def check(returned: Value, points: Value, name: str, test: str) -> None:
    """Judges a gradient at the first point of the region at which it can be judged."""
    from ..errors import DifflabError, DisagreementError, InputError, UnsupportedError
    from .agreement import assert_gradients_agree

    f, gradient = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, None)
    if not callable(f) or not (gradient is None or callable(gradient)):
        pytest.fail(
            f"a test marked `gradients` returns the function to be tested, or (function, gradient); it returned "
            f"{returned!r}",
            pytrace=False,
        )
    refused = ""
    for attempt in range(ATTEMPTS):
        arguments = drawn(points, name, attempt)
        try:
            assert_gradients_agree(f, *arguments, gradient=gradient, **points.options)
            return
        except DisagreementError as error:
            pytest.fail(f'at the point {name}, {shown(arguments)}\n{error}\n  or: pytest "{test}"', pytrace=False)
        except (InputError, UnsupportedError) as error:  # a kink, or outside of the domain
            refused = refused or f"{shown(arguments)}: {error}"
        except DifflabError as error:  # wrong at every point
            pytest.fail(f"at the point {name}, {shown(arguments)}\n{error}", pytrace=False)
    reason = f"no gradient could be judged at {ATTEMPTS} points of the region {name}; the first was {refused}"
    if name.startswith("tail"):
        pytest.skip(reason)
    pytest.fail(f"{reason}; give the marker low=, high= or draw=", pytrace=False)


def drawn(points: Value, name: str, attempt: int) -> Value:
    from ..errors import DifflabError

    try:
        return points.arguments(name, attempt)
    except DifflabError as error:
        pytest.fail(f"no point {name}: {error}", pytrace=False)


def shown(arguments: tuple[Value, ...]) -> str:
    from .report import source

    text = ", ".join(map(source, arguments))
    return text if len(text) < 2000 else text[:2000] + " ..."
