"""Training: fit, checkpoints, callbacks."""

from .callbacks import EarlyStopping as EarlyStopping
from .checkpoint import load_checkpoint as load_checkpoint, save_checkpoint as save_checkpoint
from .fit import fit as fit
from .run import Run as Run
