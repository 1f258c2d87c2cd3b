"""Drawings of images, windows and layers, as SVG: what a course on convolutional networks draws on the board.

Each function takes the numbers or sizes and returns a Sketch, which notebooks show and `save` writes. The numbers in
the drawings are computed by `nn.functional`.
"""

from .convolution import convolution as convolution
from .dense import dense as dense
from .drawing import Sketch as Sketch, below as below, beside as beside
from .filters import bank as bank
from .grids import flatten as flatten, grid as grid, padded as padded
from .norms import normalisations as normalisations
from .places import receptive_field as receptive_field, strides as strides
from .pooling import pooling as pooling
from .volumes import layers as layers, volumes as volumes
