"""The table of rows under attack: a sample of wrong rules, each of which must make a check fall.

`python tests/table_attack.py` puts in all (3,080 in a quarter of a minute), or those of the rows that it is given.
"""

from __future__ import annotations

import shutil
import zlib

import pytest
import table_attack as attack
import table_spellings as spellings
from table_facets import ROWS

from difflab.primitives import TABLE

PARTS = 6  # rows in one test are enough for a message, and few enough to be spread over processors
ONE_IN = 8


def sampled(name, kind):
    """Always the same ones, spread over rows and kinds."""
    return zlib.crc32(f"{name} {kind}".encode()) % ONE_IN == 0


@pytest.mark.parametrize("part", range(PARTS))
def test_wrong_rules_are_noticed(part):
    wrong = [m for name in ROWS[part::PARTS] for m in attack.mutants(name) if sampled(m.row, m.kind)]
    found = {(m.row, m.kind): m.noticed() for m in wrong}
    survivors = [key for key, noticed in found.items() if noticed is False]
    assert not survivors
    assert sum(noticed is True for noticed in found.values()) > 40


@pytest.mark.parametrize("name", ["sin", "multiply", "power", "sum", "matmul", "logsumexp", "eigh", "median", "conv"])
def test_nothing_falls_where_nothing_is_wrong(name, monkeypatch):
    """The same changes with the mistake taken out of them: what falls falls by the mistake, not by being replaced."""
    same = lambda rule, *_: rule
    for change in ("off", "off_by_step", "changed", "changed_partial", "exchanged"):
        monkeypatch.setattr(attack, change, same)
    monkeypatch.setattr(attack, "BATCHES", {"same": same})
    for mutant in attack.mutants(name):
        if mutant.kind != "partials exchanged":
            assert not mutant.noticed(), mutant.kind


def test_wrong_javascript_is_noticed():
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    rows = [r for r in ROWS if TABLE[r].kind == "elementwise" and r not in spellings.WITHOUT_SCRIPT]
    asked = [(name, *wrong) for name in rows[::4] for wrong in attack.wrong_scripts(name)]
    found = spellings.script([form for _, form, _ in asked], [points for *_, points in asked])
    survivors = []
    for (name, form, points), results in zip(asked, found, strict=True):
        try:
            spellings.judge_script(name, points, results)
            survivors.append((name, form))
        except AssertionError:
            pass
    assert not survivors
