"""Mutation testing: makes one thing of difflab wrong at a time and sees whether a test notices.

    python -m benchmarks.mutants --sample 1000 --seed 13 --jobs 2 --out mutants.jsonl

The same command goes on where it was stopped; `--again` tries what survived once more, after tests were written.
`--only graph`, `--kind sign` and `--files optim/adaptive.py` narrow the sites down. It needs what the tests need, and
coverage (the group `dev`).

**Sites** (`operators.py`): eleven kinds of wrong lines in `primitives`, `graph`, `differentiate`, `compile`, `nn` and
`mdp`. The operators are our own, edits of the text by the places in Python's syntax tree: mutmut changes the bodies of
functions only, where the rules of rows are lambdas in calls at the top of a module, and cosmic-ray puts eleven other
operators for each one (`a << b` on floats ends at its first call, so the rate says little) and knows neither lost
terms, axes and accumulations nor exchanged operands. Left out, and counted, are annotations, texts of errors and other
texts, `__all__`, what only types read, and the rows' domains, which say where tests sample.

**Sample** (`sample.py`): equally many from each room, in a room equally many of each kind as far as there are, drawn
with the seed. `equivalent.toml` names mutants that make nothing wrong, with the reason, such as the size from which a
second way to the same result is the faster one; they are neither tried nor counted among the others.

**Tests** (`reach.py`): the tests, and the examples in docstrings, run once with coverage; a mutant is tried on tests
that run its line, quick and narrow ones first, for at most `--budget` seconds of processor time in all. A line that
runs at import is tried on the tests of its definition, of what uses its names, and of its file. Packages of the extra
`peers` are hidden: what only torch or jax can tell does not count. Tests with a browser are left out.

**Running** (`server.py`, `inside.py`): for each job a copy of the project in memory, and a process that has loaded what
tests import, save difflab. It forks for each mutant; a session that exceeds its processor time or 8 GiB is killed, and
so is the mutant, which the report counts apart. In the end the tests that killed run on the unchanged source: if one
fails there, its kills do not count.
"""
