"""judge: a framework's gradient against the derivative of the function that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...clock import spent
from ...differentiate.faithful import told_apart
from ...differentiate.problem import as_problem
from ...errors import DifflabError, InputError, UnsupportedError
from ...graph.graph import Graph
from ...graph.leaves import check_functions
from ...lab.taylor import taylor_test
from ...progress import doing, tell
from ...types import Array, Function, Tree, Value
from ..frameworks import framework_of
from ..nonfinite.find import find_nonfinite
from .entries import AT_KINK, BUG, CONVENTION, FEW, ROUNDING, UNJUDGED, Entry, judged
from .judgement import Finding, Judgement
from .of_jax import OfJax
from .of_torch import OfTorch
from .steps import Step, powers_of_two, results_of, total, weighted

PROGRAMS: dict[str, Any] = {"jax": OfJax, "torch": OfTorch}
ORDER = (BUG, AT_KINK, ROUNDING, CONVENTION)
WHOLE = "the whole function"
STRAIGHT = 1.5  # an order of the Taylor remainder below which there is no derivative, or another
DEEPEST = 4  # loops in loops
REFUSES = (DifflabError, ArithmeticError, RuntimeError, TypeError)  # what f may raise of other numbers than these


def judge(
    f: Function, *args: Tree, framework: str = "auto", allow: Iterable[str] = (), seconds: float = 30.0
) -> Judgement:
    """Whether JAX's or PyTorch's gradient of f at these arguments is the derivative of what f computes.

    f's forward pass is recorded (`from_jax`, `from_torch`), and its derivative, which knows nothing of the framework's
    rules, nor of a `jax.custom_vjp` or a `torch.autograd.Function`, is held against the framework's gradient: entries
    that are apart are decided by a certificate. Where one is wrong, each operation is judged alone at the values that
    it was given, and the one whose rule is wrong is named with the number that shows it. A function of many results is
    judged by their sum with fixed weights; a module's parameters are arguments. `allow` names operations whose rules
    are meant to differ, such as straight-through estimators. `seconds` of processor time limit the search.

    >>> import difflab as dl, numpy as np
    >>> import jax, jax.numpy as jnp  # doctest: +SKIP
    >>> dl.judge(lambda x: jnp.sum(jnp.sin(x)), np.array([0.3, 0.7])).agree  # doctest: +SKIP
    True
    """
    check_functions("judge", f=f)
    allow = [allow] if isinstance(allow, str) else list(allow)
    program = program_of(f, args, framework, "judge")
    until = spent() + seconds
    with doing("judging the gradient"), program.scope():
        graph = program.graph()
        at, fixed, value = point(graph, program)
        checked(at, fixed, value)
        weights = powers_of_two([np.shape(y) for y in value])
        theirs = dict(zip(at, gradient_of(program, weights)))
        if not all(np.all(np.isfinite(y)) for y in value):
            return Judgement(name_of(f), program.title, [without_value(f, program, at)], value, theirs)
        scalar = weighted(graph, weights, fixed)
        if told := departure(program, weights, at, scalar, value):
            raise UnsupportedError(f"judge: {told}")
        few = FEW
        entries, left = judged(scalar, at, theirs, seconds / 3)
        taylor, said = order(program, weights, at, theirs), list(program.unjudged)
        judgement = Judgement(name_of(f), program.title, [], value, theirs, taylor, unjudged=said)
        if not entries and judgement.taylor is not None and judgement.taylor < STRAIGHT:
            few = -1.0  # at a kink we may say the same of it as they
            entries, left = judged(scalar, at, theirs, seconds / 3, few)
        if not entries and not left:
            return judgement
        findings, unjudged, count = searched(program, until, allow, few, entries)
        if not left:  # what does no harm here, the whole being right
            worst = min([ORDER.index(e.kind) for e in entries if e.kind in ORDER], default=0)
            findings = [x for x in findings if x.kind not in ORDER[:worst]]
        findings = findings or [as_finding(e, WHOLE) for e in entries]
        unjudged += [f"{left} entries of the gradient that are apart from ours: the time was used up"] if left else []
        unjudged += [f"{x.operation} by {x.operand}: {x.reason}" for x in findings if x.kind == UNJUDGED]
        findings = [x for x in findings if x.kind != UNJUDGED]
        findings.sort(key=lambda x: (ORDER.index(x.kind), -x.ulps))
        unjudged = list(dict.fromkeys([*program.unjudged, *unjudged]))
    return replace(judgement, findings=findings, unjudged=unjudged, operations=count)


def searched(
    program: Any, until: float, allow: list[str], few: float, entries: list[Entry]
) -> tuple[list[Finding], list[str], int]:
    """What is found in the operations. Where that says nothing of a wrong entry they are asked again otherwise: a rule
    may be right for ones alone.
    """
    wrong = [e for e in entries if e.kind in (BUG, AT_KINK)]
    accused: Callable[[list[Finding]], bool] = lambda found: any(
        x.kind in (BUG, AT_KINK) and not x.allowed for x in found
    )
    findings, unjudged, count = in_operations(program, until, allow, few)
    if wrong and not accused(findings):
        more, late, count = in_operations(program, until, allow, few, uneven=True)
        findings = more if accused(more) or not findings else findings
        unjudged = list(dict.fromkeys([*unjudged, *late]))
    if wrong and not any(x.kind in (BUG, AT_KINK) for x in findings):
        findings += [composed(program.f, program, e) for e in wrong]
    return findings, unjudged, count


def program_of(f: Function, args: tuple[Tree, ...], framework: str, what: str) -> Any:
    """f at these arguments, as what it is in its framework."""
    return PROGRAMS[framework_of(f, args, framework, what)](f, args)


def name_of(f: Function) -> str:
    return str(getattr(f, "__name__", type(f).__name__)).strip("<>")


def inputs_of(graph: Graph, program: Any) -> list[Array]:
    """The values of the graph's inputs: the program's arguments, and what a module holds."""
    given = iter(program.leaves)
    return [np.asarray(graph.defaults[n] if n in graph.defaults else next(given)) for n in graph.inputs]


def point(graph: Graph, program: Any) -> tuple[dict[str, Value], dict[int, Value], list[Value]]:
    """The graph's inputs that are floats, by name; the others, by position; and the results there that are floats."""
    full = inputs_of(graph, program)
    with np.errstate(all="ignore"):
        results = results_of(graph, graph.fitting(full))
    moving = {str(node.name): x for node, x in zip(graph.inputs, full) if x.dtype.kind == "f"}
    return moving, {k: x for k, x in enumerate(full) if x.dtype.kind != "f"}, results


def departure(program: Any, weights: list[Array], at: dict[str, Value], scalar: Function, value: list[Value]) -> str:
    """How f differs from its record at the point; "" where it does not, or takes no other numbers than these."""
    try:
        found, again = (program.value(list(at.values()), weights) for _ in range(2))
    except REFUSES:
        return ""
    recorded, size = total(weights, value), total([np.abs(w) for w in weights], [np.abs(y) for y in value])
    near = max(float(np.finfo(x.dtype).eps) for x in at.values()) ** 0.5 * size
    if abs(found - again) <= near and abs(found - recorded) <= near:
        return ""
    return told_apart(as_problem(scalar, tuple(at.values())), recorded, found, again)


def order(program: Any, weights: list[Array], at: dict[str, Value], theirs: dict[str, Value]) -> float | None:
    """The order of the Taylor remainder with their gradient; None where the test has nothing to see, as in float32."""
    if any(x.dtype != float for x in at.values()):
        return None
    names = list(at)
    try:
        found = taylor_test(lambda xs: program.value([xs[n] for n in names], weights), theirs, at)
    except REFUSES:
        return None
    return found.order if np.isfinite(found.order) else None


def in_operations(
    program: Any, until: float, allow: list[str], few: float, uneven: bool = False
) -> tuple[list[Finding], list[str], int]:
    """What the operations' own rules are found to give, what could not be judged, and how many were.

    They are given ones where that tells the derivative itself, or `uneven` numbers.
    """
    findings: list[Finding] = []
    unjudged: list[str] = []
    count = 0
    for step in program.steps():
        if spent() > until:
            unjudged.append(f"{step.name} and what follows: the time was used up")
            break
        tell(step.name, 0.0)
        count += 1
        try:
            findings += of_step(step, until, allow, few, uneven)
        except Exception as error:  # of a framework's, which may refuse what an operation is asked alone
            unjudged.append(f"{step.name}: {next(iter(str(error).splitlines()), type(error).__name__)}")
    return findings, list(dict.fromkeys(unjudged)), count


def of_step(step: Step, until: float, allow: list[str], few: float, uneven: bool, depth: int = 0) -> Iterator[Finding]:
    """The entries that an operation's rule has wrong; of a loop those of the operation inside it, where it is found."""
    graph = step.graph()
    weights = powers_of_two(step.shapes) if uneven else step.weights(graph)
    theirs = dict(zip(step.moving, step.pull(weights)))
    few = few if any(node.primitive.kinks is not None for node in graph.operations) else FEW
    entries, left = judged(weighted(graph, weights), step.moving, theirs, max(0.1, until - spent()), few)
    deeper: list[Finding] = []
    if entries and step.inner is not None and depth < DEEPEST:
        for turn in step.inner():  # the first with a mistake in it
            deeper = [x for inner in turn for x in of_step(inner, until, allow, few, uneven, depth + 1)]
            if any(x.kind in (BUG, AT_KINK) for x in deeper) or spent() > until:
                break
        if deeper:
            yield from (replace(x, operation=f"{x.operation} in {step.name}") for x in deeper)
            return
    allowed = any(a == step.name or a == step.name.partition(" ")[0] for a in allow)
    for e in entries:
        if uneven:
            e = replace(e, reason=f"{e.reason}; for incoming gradients of 0.25 to 4, of both signs")
        yield as_finding(e, step.name, step.source, allowed)
    if left and entries:
        more = replace(entries[0], kind=UNJUDGED, reason=f"{left} more entries: the time was used up")
        yield as_finding(more, step.name, step.source, allowed)


def as_finding(e: Entry, operation: str, source: str = "", allowed: bool = False) -> Finding:
    return Finding(operation, e.name, e.index, e.at, e.theirs, e.ours, e.ulps, e.kind, e.reason, source, allowed)


def without_value(f: Function, program: Any, at: dict[str, Value]) -> Finding:
    """Where the function itself is not finite there is no derivative: the operation at which numbers end."""
    name, x = next(((name, x) for name, x in at.items() if x.size), ("", np.zeros(())))
    index = (0,) * x.ndim
    why = "the function has no finite value here"
    entry = Entry(name, index, float(x[index]), np.nan, np.nan, np.inf, AT_KINK, why)
    return composed(f, program, entry)


def gradient_of(program: Any, weights: list[Array]) -> list[Array]:
    """The framework's gradient; UnsupportedError where it has none, as JAX of a loop of unknown length."""
    try:
        found: list[Array] = program.gradient(weights)
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        told = next(iter(str(error).splitlines()), type(error).__name__)
        raise UnsupportedError(f"judge: {program.title} itself cannot differentiate this: {told}") from error
    return found


def checked(at: dict[str, Value], fixed: dict[int, Value], value: list[Value]) -> None:
    """What there is to judge; InputError where there is nothing, or what cannot be."""
    if any(x.dtype.kind == "c" for x in fixed.values()):
        raise InputError("judge: an argument is complex; give its real and imaginary parts as two arguments")
    if not at or not any(x.size for x in at.values()):
        raise InputError("judge: no argument is a float, or has any element, so there is no gradient to judge")
    if not value:
        raise InputError("judge: the function returns no float, so there is no gradient to judge")
    for name, x in at.items():
        if not np.all(np.isfinite(x)):
            index = tuple(np.argwhere(~np.isfinite(x))[0].tolist())
            place = f"{name}{list(index)}" if index else name
            raise InputError(f"judge: argument {place} is {x[index]}; give a point at which the function is finite")


def composed(f: Function, program: Any, entry: Entry) -> Finding:
    """The operation at which numbers end, where rules that are right by themselves give NaN together."""
    whole = as_finding(entry, WHOLE)
    if np.isfinite(entry.theirs):
        return whole
    try:
        found = find_nonfinite(f, *program.args, framework="torch" if isinstance(program, OfTorch) else "jax")
    except DifflabError:
        return whole
    if found is None:
        return whole
    name = found.derivative_of or str(getattr(getattr(found.node, "primitive", None), "name", WHOLE))
    told = f"{entry.reason}; {found.headline}" + (f"; {found.mend}" if found.mend else "")
    return replace(whole, operation=name, reason=told, source=found.source)


__all__ = ["judge"]
