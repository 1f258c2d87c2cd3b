"""assert_gradients_agree: a gradient in a test, difflab's own or anybody's."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cards.parts import Card, Code, Part, Table, Words, figure
from ..cards.shown import Carded
from ..clock import spent
from ..differentiate.problem import as_problem, check_call
from ..errors import DisagreementError, InputError, ShapeError, TraceError, UnsupportedError
from ..glance import cut
from ..graph.parse import parse
from ..lab.compare import Comparison, compare
from ..types import Function, Tree, Value
from .arguments import Arguments
from .judges import PointError, Subject
from .orders import along, judge_slope, random_direction, scalar
from .own import DIRECTIONS, RELATIVE, SMALL, Judgement, Own, judge_own
from .report import Row, line_to_paste, table, worst_first


def assert_gradients_agree(
    f: Any,
    x: Value,
    *more: Value,
    gradient: Function | None = None,
    methods: Iterable[str] | None = None,
    ulps: float | None = None,
    rtol: float | None = None,
    seed: int = 0,
    allow_kinks: bool = False,
    entry: str | None = None,
    seconds: float = 10.0,
) -> None:
    """Asserts that the derivatives of f at (x, *more) agree, by methods that share no rule with each other.

    `f` takes arrays or nested containers of them; an output that is not a scalar is contracted with fixed random
    weights. Up to 64 entries every partial derivative is judged; above, random directions are, and where one fails the
    entries are looked for.

    `gradient(x, *more)` is a gradient of your own, judged instead of difflab's (beside them, if `methods` names some);
    for several arguments it returns a tuple, for text it takes the names and returns a dict. f and gradient may be
    anything that takes NumPy arrays and returns numbers: functions of PyTorch or JAX that convert, a simulator. The
    judge is the certificate where f can be recorded and certified, else finite differences with the error that they
    claim, else the Taylor test; the message names it. Accepted is a relative error of 1e-9 (1e-4 where the point is
    float32, 1e-2 for float16) beside the judge's own error, and rounding that the gradient shows itself when the point
    moves by single ulps; `rtol` and `ulps` replace both. `entry`, such as "w[1]", judges one entry alone. `seconds`
    of processor time are for all certificates together.

    Raises DisagreementError, an AssertionError, with a table and a line to paste; InputError at a kink, unless
    `allow_kinks` (then a value between the one-sided derivatives is accepted), and where f is undefined;
    UnsupportedError where nobody could judge.

    >>> import numpy as np
    >>> assert_gradients_agree(lambda x: np.sum(np.sin(x) * x), np.array([0.5, 2.0]))
    >>> assert_gradients_agree(lambda x: x**3, 2.0, gradient=lambda x: 3 * x**2, ulps=2)
    """
    found = examine(
        f, (x, *more), gradient, methods, ulps=ulps, rtol=rtol, seed=seed, allow_kinks=allow_kinks, entry=entry,
        seconds=seconds,
    )  # fmt: skip
    if found.wrong:
        raise DisagreementError(str(found))


@dataclass(repr=False)
class Report(Carded):
    """A gradient at a point: the wrong entries, who judged, the rule that is to blame, and a line to paste."""

    name: str
    wrong: list[Row]
    judges: dict[str, int]
    notes: list[str]
    again: str
    accepted: str = ""
    rules: Value = ()

    @property
    def agree(self) -> bool:
        return not self.wrong

    def __repr__(self) -> str:
        told = "agrees" if self.agree else f"has {len(self.wrong)} wrong entries; print it to see them"
        return f"<Report: the gradient of {cut(self.name)} {told}>"

    def __str__(self) -> str:
        if not self.wrong:
            told = " and ".join(f"{judge} ({n} entries)" if n > 1 else judge for judge, n in self.judges.items())
            return "\n".join(
                [f"the gradient of {self.name} agrees; the judge: {told}", *map("  {}".format, self.notes)]
            )
        first = worst_first(self.wrong)[0]
        judges = " and ".join(dict.fromkeys(r.judge for r in self.wrong))
        claimed = f" (its own error: {first.error:.1e})" if first.error else ""
        rules = [line for rule in self.rules for line in str(rule).splitlines()]
        lines = [f"the judge: {judges}{claimed}{self.accepted}", *self.notes, *rules, f"again: {self.again}"]
        return "\n".join([f"the gradients of {self.name} disagree", table(self.wrong), *map("  {}".format, lines)])

    def _card_(self) -> Card:
        about = f"the gradient of {cut(self.name)} {'agrees' if self.agree else 'disagrees'}"
        judges = [[judge, f"{n:,}"] for judge, n in self.judges.items()]
        wrong = [
            [r.method, r.entry, f"{r.found:.17g}", f"{r.expected:.17g}", figure(r.ulps, 3), r.judge]
            for r in worst_first(self.wrong)
        ]
        table = Table(wrong, ("method", "d / d", "found", "expected", "ulps apart", "judge"), "wrong entries")
        rules = [Words(str(rule), attention=True) for rule in self.rules]
        again: list[Part] = [Words("to run it again:"), Code(self.again)] if self.wrong and self.again else []
        notes = [Words(note) for note in self.notes]
        return Card("Report", about).add(table, Table(judges, ("judge", "entries")), *rules, *notes, *again)

    def to_json(self) -> dict[str, Any]:
        """A strict JSON value."""
        return {
            "agree": self.agree,
            "judges": self.judges,
            "wrong": [row.to_json() for row in worst_first(self.wrong)],
            "broken_rules": [rule.to_json() for rule in self.rules],
            "notes": self.notes,
            "again": self.again if self.wrong else None,
        }


def examine(
    f: Any,
    given: tuple[Value, ...],
    gradient: Function | None = None,
    methods: Iterable[str] | None = None,
    *,
    ulps: float | None = None,
    rtol: float | None = None,
    seed: int = 0,
    allow_kinks: bool = False,
    entry: str | None = None,
    seconds: float = 10.0,
) -> Report:
    """What `assert_gradients_agree` asserts, as a report. Raises where nobody could judge."""
    for name, limit in (("rtol", rtol), ("ulps", ulps), ("seconds", seconds)):
        if limit is not None and not (isinstance(limit, int | float | np.number) and limit >= 0):
            raise InputError(f"{name}={limit!r}: give a number that is not negative")
    if entry is not None and gradient is None:
        raise InputError("entry= chooses an entry of gradient=, which is not given")
    if isinstance(f, str):
        f, gradient, given = of_text(f, given[0], gradient)
    check_call(f, "the function", given)
    if gradient is not None:
        check_call(gradient, "gradient=", given)
    point = Arguments(f, given)
    judged = Judgement()
    if gradient is not None:
        subject = of_scalar(f, point, seconds)
        only = None if entry is None else point.find(entry)
        judged = judge_own(Own(subject, gradient, rtol, ulps, seed), allow_kinks, only)
    if gradient is None or methods is not None:
        contracted = recordable(f, given, seed)
        if point.size <= SMALL:
            judged_methods(judged, contracted, given, methods, ulps, rtol, allow_kinks)
        else:
            judged_directions(judged, contracted, given, rtol, seed)
    report = Report(name_of(f), judged.wrong, judged.judges, judged.notes, "")
    if judged.wrong:
        first = worst_first(judged.wrong)[0].place
        label = None if first is None else point.label(first)
        options = dict(rtol=rtol, ulps=ulps, seed=seed or None, allow_kinks=allow_kinks)
        report.again = line_to_paste(f, gradient, point, label, **options)
        report.accepted = "" if gradient is None else accepted(point, first, rtol, ulps)
        report.rules = broken(f, given, seed)
    return report


def name_of(f: Any) -> str:
    return str(getattr(f, "text", None) or getattr(f, "__name__", type(f).__name__))


def of_scalar(f: Function, point: Arguments, seconds: float) -> Subject:
    try:
        return Subject(f, point, spent() + seconds)
    except ShapeError as error:
        raise InputError(f"gradient= is for a function with a scalar output: {error}") from None


def recordable(f: Function, given: tuple[Value, ...], seed: int) -> Function:
    """f contracted to a number, if it can be recorded: difflab's own methods need that."""
    contracted = scalar(f, given, seed)
    try:
        as_problem(contracted, given)
    except TraceError as error:
        raise TraceError(
            f"{error}; so difflab cannot record {name_of(f)}, but it can judge a gradient of your own "
            "(gradient=, in the shell --gradient)"
        ) from error
    return contracted


def accepted(point: Arguments, entry: int | None, rtol: float | None, ulps: float | None) -> str:
    dtype = point.dtype(entry or 0)
    relative = RELATIVE.get(dtype.itemsize, RELATIVE[8]) if rtol is None else rtol
    told = f"; accepted: a relative error of {relative:g}"
    return told + (f" and {ulps:g} ulps" if ulps is not None else "") + f" ({dtype})"


def judged_methods(
    judged: Judgement,
    f: Any,
    at: Tree,
    methods: Iterable[str] | None,
    ulps: float | None,
    rtol: float | None,
    kinks: bool,
) -> None:
    """Each entry by difflab's methods, as `compare` judges them."""
    comparison = compare(f, at, methods=methods)
    if comparison.kinks and not comparison.certified and not kinks:
        raise PointError(
            f"the point sits on a kink, where there is no derivative to agree on: {comparison.kinks[0]}; "
            "move the point, or allow_kinks=True"
        )
    wrong = [row for name in comparison.methods for row in method_rows(comparison, name, ulps, rtol)]
    judged.wrong += wrong
    if wrong or comparison.verdict == "agree":
        judged.by(comparison.reference)
    elif comparison.verdict == "disagree":
        raise DisagreementError(f"the gradients of {comparison.text} disagree: {comparison.reason}")
    elif comparison.kinks:
        judged.note(f"not judged at a kink: {comparison.kinks[0]}")
    else:
        raise UnsupportedError(f"nobody could judge the gradient of {comparison.text}: {comparison.reason}")


def method_rows(comparison: Comparison, name: str, ulps: float | None, rtol: float | None) -> list[Row]:
    """One method's wrong entries."""
    method = comparison.methods[name]
    if method.failure is not None or comparison.reference not in comparison.methods:
        return []
    tight = method.method.exact and (
        (ulps is not None and (method.max_ulps or 0) > ulps) or (rtol is not None and (method.max_relative or 0) > rtol)
    )
    if not (tight or method.verdict.startswith("disagrees")):
        return []
    truth = comparison.methods[comparison.reference].by_name
    rows = []
    for key, true in truth.items():
        mine, true = np.asarray(method.by_name[key], float), np.asarray(true, float)
        for index in np.ndindex(true.shape):
            if mine[index] != true[index] and not (np.isnan(mine[index]) and np.isnan(true[index])):
                label = key + (str(list(index)) if index else "")
                rows.append(Row(name, label, float(mine[index]), float(true[index]), judge=comparison.reference))
    return rows


def judged_directions(
    judged: Judgement, f: Function, arguments: tuple[Value, ...], rtol: float | None, seed: int
) -> None:
    """difflab's two modes along random directions."""
    for k in range(DIRECTIONS):
        direction = random_direction(arguments, seed + 1 + k)
        for mode in ("reverse", "forward"):
            slope = along(f, direction, mode)
            judged.wrong += judge_slope(f, slope, arguments, direction, f"{mode}, direction {k}", rtol)
    judged.by("random directions")


def broken(f: Any, given: tuple[Value, ...], seed: int) -> Value:
    """The rules that are to blame, where f can be recorded and a rule is."""
    from .broken import find_broken_rule

    try:
        return find_broken_rule(scalar(f, given, seed), given)
    except Exception:  # the message is about something else: f may be anybody's code
        return ()


def of_text(text: str, at: Tree, gradient: Function | None) -> Value:
    """A text as a function of its names in their order, the gradient likewise, and the point's values.

    The gradient of a text is called with the names as keywords, and returns a dict of them.
    """
    graph = parse(text)
    names = [str(n.name) for n in graph.inputs]
    if not isinstance(at, dict) or set(map(str, at)) != set(names):
        raise InputError(f"the point is {at!r}: give one value for each of {', '.join(names)}, as a dict")
    order = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]

    def f(*xs: Value) -> Value:
        return graph(**dict(zip(names, xs)))

    def own(*xs: Value) -> Value:
        assert gradient is not None
        found = gradient(**dict(zip(names, xs)))
        if isinstance(found, dict) and set(found) == set(names):
            found = tuple(found[n] for n in names)
            return found if len(names) > 1 else found[0]
        return found

    made: Any = f
    made.__signature__ = inspect.Signature(order)
    own.__name__ = getattr(gradient, "__name__", "gradient")
    made.__name__, made.text = "f", text
    return f, own if gradient is not None else None, tuple(at[n] for n in names)
