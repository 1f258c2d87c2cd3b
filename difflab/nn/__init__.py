"""Neural networks on the engine: layers, losses, optimisers, data and training.

Layers are frozen dataclasses that hold no arrays; parameters and states are nested dicts with PyTorch's names and
shapes.
"""

from . import (
    data as data,
    functional as functional,
    init as init,
    kernels as kernels,
    models as models,
    optim as optim,
    spec as spec,
    torch_weights as torch_weights,
)
from .criteria import *  # noqa: F403
from .depth import DepthStudy as DepthStudy, depth_study as depth_study
from .folding import fold_batchnorm as fold_batchnorm
from .inspect import Inspection as Inspection, inspect as inspect
from .layers import *  # noqa: F403
from .runs import Runs as Runs, compare_runs as compare_runs
from .summary import receptive_field as receptive_field, summary as summary
from .torch_weights import from_torch as from_torch, to_torch as to_torch
from .training import (
    EarlyStopping as EarlyStopping,
    Run as Run,
    fit as fit,
    load_checkpoint as load_checkpoint,
    save_checkpoint as save_checkpoint,
)
