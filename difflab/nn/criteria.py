"""Criteria: the losses of nn.functional as objects that hold their settings, with torch.nn's names.

A criterion is made once and called with what is compared: `nn.HuberLoss(delta=0.5)(output, target)`. Its settings are
those of the function behind it, in the same order and with the same defaults; `size_average` and `reduce` are torch's
older spelling of `reduction`.

>>> loss = HuberLoss(delta=0.5)
>>> loss, loss(np.array([0.0, 2.0]), np.zeros(2))
(HuberLoss(delta=0.5), np.float64(0.4375))
"""

from __future__ import annotations

import difflib
import inspect
import zlib
from collections.abc import Hashable
from dataclasses import MISSING, field, make_dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import InputError
from ..graph.traced import Traced
from ..types import Array, Function, Value
from . import functional as F

REDUCTIONS = ("mean", "sum", "none")


class Criterion:
    """A loss with its settings: frozen, equal where the settings are, and hashable."""

    function: ClassVar[Function]
    operands: ClassVar[tuple[str, ...]]

    if TYPE_CHECKING:  # each kind has the signature of its function

        def __init__(self, *arguments: Value, **settings: Value) -> None: ...

    def __post_init__(self) -> None:
        name = type(self).__name__
        for setting, value in list(vars(self).items()):
            if setting in ("size_average", "reduce") and not isinstance(value, bool | np.bool_ | type(None)):
                raise InputError(f"{name}: {setting}={shown(value)}; {self.mend(value)}")
            if setting in ("weight", "pos_weight") and value is not None and not isinstance(value, Traced):
                object.__setattr__(self, setting, kept(value))
        if hasattr(self, "reduction"):
            check_reduction(name, self.reduction)

    def mend(self, value: object) -> str:
        """What was meant by an argument in the place of torch's oldest setting."""
        name = type(self).__name__
        if isinstance(value, str):
            return f"for a reduction by name write {name}(reduction={value!r})"
        function, arguments = self.function.__name__, ", ".join(self.operands)
        return f"{name} makes an object: {name}()({arguments}), or call nn.functional.{function}({arguments})"

    def __call__(self, *values: Value, **named: Value) -> Value:
        """The loss of its operands."""
        if len(values) + len(named) != len(self.operands) or set(named) - set(self.operands[len(values) :]):
            given = " and ".join([str(len(values)), *(f"{n}=" for n in named)])
            raise InputError(f"{type(self).__name__}: it is called as loss({', '.join(self.operands)}); given {given}")
        return type(self).function(*values, **named, **vars(self))

    def key(self) -> tuple[Hashable, ...]:
        """The settings as values that can be compared and hashed."""
        return tuple(map(plain, vars(self).values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Criterion) and type(self) is type(other) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash((type(self), self.key()))

    def __repr__(self) -> str:
        told = [(name, x) for name, x in vars(self).items() if plain(x) != getattr(type(self), name, MISSING)]
        return f"{type(self).__name__}({', '.join(f'{name}={shown(value)}' for name, value in told)})"


def kept(value: Value) -> Array:
    """A setting's own copy of an array, which nobody changes afterwards."""
    copy = np.array(value)
    copy.flags.writeable = False
    return copy


def plain(value: object) -> Hashable:
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def shown(value: object) -> str:
    """An array as its elements, where there are few, or else with a checksum that tells it from others."""
    if not isinstance(value, np.ndarray):
        return f"{value!r:.80}"
    if value.size <= 100:
        return repr(value.tolist())
    return f"<array of shape {value.shape}, checksum {zlib.crc32(value.tobytes()):08x}>"


def check_reduction(name: str, reduction: object) -> None:
    allowed = (*REDUCTIONS, "batchmean") if name == "KLDivLoss" else REDUCTIONS
    if reduction not in allowed:
        close = difflib.get_close_matches(str(reduction), allowed, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]!r}?" if close else f"; it is {', '.join(map(repr, allowed))}"
        raise InputError(f"{name}: reduction={reduction!r}{hint}")


def criterion(
    name: str, function: Function, operands: int = 2, *, without: str = "", kw_only: bool = False
) -> type[Criterion]:
    """The class of this name: its fields are the function's arguments behind the operands."""
    arguments = list(inspect.signature(function).parameters.values())
    settings = [p for p in arguments[operands:] if p.name not in without.split()]
    made = make_dataclass(
        name,
        [(p.name, Any, field(default=MISSING if p.default is p.empty else p.default)) for p in settings],
        bases=(Criterion,),
        namespace={"function": staticmethod(function), "operands": tuple(p.name for p in arguments[:operands])},
        frozen=True, eq=False, repr=False, kw_only=kw_only,
    )  # fmt: skip
    made.__module__ = __name__  # where pickle looks for it
    called = f"loss({', '.join(p.name for p in arguments[:operands])})"
    formula = str(function.__doc__).partition("\n\n")[0].replace("\n    ", " ")
    made.__doc__ = f"`nn.functional.{function.__name__}` as an object, called as {called}.\n\n{formula}"
    return made


L1Loss: type[Criterion] = criterion("L1Loss", F.l1_loss, without="weight")
MSELoss: type[Criterion] = criterion("MSELoss", F.mse_loss, without="weight")
SmoothL1Loss: type[Criterion] = criterion("SmoothL1Loss", F.smooth_l1_loss)
HuberLoss: type[Criterion] = criterion("HuberLoss", F.huber_loss, without="weight")
CrossEntropyLoss: type[Criterion] = criterion("CrossEntropyLoss", F.cross_entropy)
NLLLoss: type[Criterion] = criterion("NLLLoss", F.nll_loss)
BCELoss: type[Criterion] = criterion("BCELoss", F.binary_cross_entropy)
BCEWithLogitsLoss: type[Criterion] = criterion("BCEWithLogitsLoss", F.binary_cross_entropy_with_logits)
KLDivLoss: type[Criterion] = criterion("KLDivLoss", F.kl_div)
PoissonNLLLoss: type[Criterion] = criterion("PoissonNLLLoss", F.poisson_nll_loss)
GaussianNLLLoss: type[Criterion] = criterion("GaussianNLLLoss", F.gaussian_nll_loss, 3, kw_only=True)
HingeEmbeddingLoss: type[Criterion] = criterion("HingeEmbeddingLoss", F.hinge_embedding_loss)
SoftMarginLoss: type[Criterion] = criterion("SoftMarginLoss", F.soft_margin_loss)
MultiLabelSoftMarginLoss: type[Criterion] = criterion("MultiLabelSoftMarginLoss", F.multilabel_soft_margin_loss)
MarginRankingLoss: type[Criterion] = criterion("MarginRankingLoss", F.margin_ranking_loss, 3)
CosineEmbeddingLoss: type[Criterion] = criterion("CosineEmbeddingLoss", F.cosine_embedding_loss, 3)
TripletMarginLoss: type[Criterion] = criterion("TripletMarginLoss", F.triplet_margin_loss, 3)
CosineSimilarity: type[Criterion] = criterion("CosineSimilarity", F.cosine_similarity)
PairwiseDistance: type[Criterion] = criterion("PairwiseDistance", F.pairwise_distance)

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelSoftMarginLoss",
    "NLLLoss",
    "PairwiseDistance",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
]
