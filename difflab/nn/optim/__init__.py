"""Optimisers as pure functions over pytrees, with PyTorch's names and formulas; schedules, clipping, second order.

Optimisers are chains of small transformations, which can also be put together by hand: see `chain`.
"""

from .adaptive import (
    Adadelta as Adadelta,
    Adagrad as Adagrad,
    Adam as Adam,
    Adamax as Adamax,
    AdamW as AdamW,
    NAdam as NAdam,
    RAdam as RAdam,
    RMSprop as RMSprop,
)
from .clipping import clip_grad_norm as clip_grad_norm, clip_grad_value as clip_grad_value
from .minimize import Result as Result, minimize as minimize
from .optimiser import Optimiser as Optimiser, chain as chain
from .scaling import (
    scale_by_adadelta as scale_by_adadelta,
    scale_by_adam as scale_by_adam,
    scale_by_adamax as scale_by_adamax,
    scale_by_amsgrad as scale_by_amsgrad,
    scale_by_nadam as scale_by_nadam,
    scale_by_radam as scale_by_radam,
    scale_by_rms as scale_by_rms,
    scale_by_rss as scale_by_rss,
    scale_by_stddev as scale_by_stddev,
)
from .schedules import (
    CosineAnnealingLR as CosineAnnealingLR,
    ExponentialLR as ExponentialLR,
    LinearLR as LinearLR,
    MultiStepLR as MultiStepLR,
    OneCycleLR as OneCycleLR,
    StepLR as StepLR,
    Warmup as Warmup,
)
from .second_order import LBFGS as LBFGS, GaussNewton as GaussNewton, Newton as Newton
from .sgd import SGD as SGD
from .transformation import (
    Transformation as Transformation,
    add_decayed_weights as add_decayed_weights,
    clip as clip,
    clip_by_global_norm as clip_by_global_norm,
    scale as scale,
    scale_by_learning_rate as scale_by_learning_rate,
    trace as trace,
)

AdaGrad = Adagrad  # as the course writes it
