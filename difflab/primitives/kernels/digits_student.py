"""Student's t distribution on numbers of any precision."""

from __future__ import annotations

from mpmath import mpf

from ...late import Late
from ...types import Value
from ..germs import student
from .digits_incomplete import on_balls, solved

special: Value = Late("scipy.special")


def t_density(df: Value, t: Value, *, n: int) -> Value:
    return on_balls(lambda df, t: student.derived(False, n, df, t), df, t)


def stdtr(df: Value, t: Value, *, n: int = 0) -> Value:
    if n == 0:
        return on_balls(student.distribution, df, t)
    return on_balls(lambda df, t: student.derived(True, n, df, t), df, t)


def stdtrit(df: Value, p: Value) -> Value:
    df, p = mpf(df), mpf(p)
    return solved(special.stdtrit(float(df), float(p)), lambda x: stdtr(df, x) - p, lambda x: t_density(df, x, n=0))
