"""What is kept of mpmath's truths is believed only as the answer to the very same question, and never blindly."""

from __future__ import annotations

import mpmath
import mpmath_truths
import pytest
from mpmath import mpf

POINTS = [[0.5], [2.0], [3.0]]
TENTH = "0.1000000000000000055511"


@pytest.fixture
def ask(monkeypatch):
    """Answers that are counted, the first three of which are kept."""
    asked = []

    def answer(k):
        asked.append(k)
        return [mpf(0.1) * (k + 1), mpf("inf")]

    answer.asked = asked
    monkeypatch.setattr(mpmath_truths, "SLOW", -1.0)
    monkeypatch.setattr(mpmath_truths, "WRITES", [True])
    monkeypatch.setattr(mpmath_truths, "NEW", kept := {})
    mpmath_truths.kept("exp", {}, POINTS, [[0]] * 3, answer)
    monkeypatch.setattr(mpmath_truths, "WRITES", [])
    monkeypatch.setattr(mpmath_truths, "read_file", lambda: kept)
    asked.clear()
    answer.kept = kept
    return answer


def test_what_is_kept_is_read_and_one_point_is_asked_again(ask):
    found = mpmath_truths.kept("exp", {}, POINTS, [[0]] * 3, ask)
    assert ask.asked == [0]
    assert [float(v) for v, _ in found] == [float(mpf(0.1) * k) for k in (1, 2, 3)]
    assert all(mpmath.isinf(rest) for _, rest in found)


OTHERS = {
    "row": ("log", {}, POINTS, [[0]] * 3, ""),
    "parameters": ("exp", {"n": 1}, POINTS, [[0]] * 3, ""),
    "points": ("exp", {}, [[0.5], [2.0], [3.5]], [[0]] * 3, ""),
    "number of points": ("exp", {}, POINTS[:2], [[0]] * 2, ""),
    "operands": ("exp", {}, POINTS, [[0], [], [0]], ""),
    "numbers": ("exp", {}, POINTS, [[0]] * 3, "mixed"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_question_is_asked_afresh(ask, what):
    name, params, points, wanted, more = OTHERS[what]
    mpmath_truths.kept(name, params, points, wanted, ask, more)
    assert ask.asked == list(range(len(points)))


def test_another_definition_is_asked_afresh(ask, monkeypatch):
    known = mpmath_truths.definitions()
    monkeypatch.setattr(mpmath_truths, "definitions", lambda: {**known, ("row", "exp"): "lambda x: mp.exp(x)"})
    mpmath_truths.kept("exp", {}, POINTS, [[0]] * 3, ask)
    assert ask.asked == [0, 1, 2]


def test_other_values_are_noticed(ask):
    (key, (digest, texts)) = ask.kept.popitem()
    assert texts[0] == f"{TENTH} +inf"
    ask.kept[key] = [digest, [f"{TENTH[:-3]}9{TENTH[-2:]} +inf", *texts[1:]]]
    with pytest.raises(AssertionError, match=r"mpmath_truths\.json has other values of exp"):
        mpmath_truths.kept("exp", {}, POINTS, [[0]] * 3, ask)


def test_a_definition_is_its_source_with_whatever_it_names():
    text = mpmath_truths.source_of("stdtrit")
    for part in ("def student(", "def student_density(", "def solved(", "def truth(", "def differences(", "def step("):
        assert part in text
    assert "def gelu(" not in text
    assert "SELU = (" in mpmath_truths.source_of("selu") and "def elu(" in mpmath_truths.source_of("selu")
