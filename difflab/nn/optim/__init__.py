"""Optimisers as pure functions over pytrees, with PyTorch's names and formulas; schedules, clipping, second order."""

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
from .optimiser import Optimiser as Optimiser
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

AdaGrad = Adagrad  # as the course writes it
