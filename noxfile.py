"""The lanes of a working day: `nox` runs fast and lint; `nox -s test`, `peers`, `docs`, `bench` the others.

Each lane has an environment of its own, made once (`nox -R` uses it again as it is). `.ci/run` checks everything.
"""

from __future__ import annotations

import nox

nox.options.sessions = ["fast", "lint"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # two threads that share a busy core wait for each other


@nox.session
def fast(session: nox.Session) -> None:
    """One case of each quick test, in under a minute on two cores; every room is in it."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "2", "--fast", *session.posargs, env=ONE_THREAD)


@nox.session
def test(session: nox.Session) -> None:
    """The whole suite, as the README's second command runs it."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs, env=ONE_THREAD)


@nox.session
def peers(session: nox.Session) -> None:
    """The whole suite where PyTorch, JAX, numba, gymnasium and the other peers are; no test may be skipped."""
    session.install("-e", ".[test,peers]")
    session.run("python", "-m", "pytest", "-n", "2", "--no-skips", *session.posargs, env=ONE_THREAD)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff and mypy."""
    session.install("-e", ".[test]", "ruff>=0.6", "mypy>=1.11")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Doctests, lessons and the documentation site."""
    session.install("-e", ".[test,docs]")
    session.run("python", "-m", "pytest", "--doctest-modules", "difflab", "docs/tools", "-n", "2")
    session.run("python", "-m", "pytest", "--doctest-glob=*.md", "README.md", "CONTRIBUTING.md", "docs")
    session.run("python", "-m", "tutorials", "--check", env=ONE_THREAD)
    session.run("mkdocs", "build", "--strict", "--site-dir", "site", env={"NO_MKDOCS_2_WARNING": "1"})
    session.run("python", "docs/tools/links.py", "site")


@nox.session
def bench(session: nox.Session) -> None:
    """The workloads beside the peers, or some: `nox -s bench -- scalar mlp`. Nothing else should run meanwhile."""
    session.install("-e", ".[native,peers]")
    session.run("python", "-m", "benchmarks", *session.posargs)
