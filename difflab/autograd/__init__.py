"""HIPS/autograd's public names on difflab's engine: programs written for autograd run as they are.

`difflab.autograd.install()` makes `import autograd` mean this package; `python -m difflab.autograd SCRIPT` runs a
program so. Functions are recorded in autograd's laxer ways (`difflab.graph.laxity`), and in those alone.

>>> import difflab.autograd.numpy as np
>>> from difflab.autograd import grad
>>> grad(lambda x: np.sum(x**2))(np.array([1, 2]))
array([2., 4.])
"""

from __future__ import annotations

from . import builtins as builtins, numpy as numpy, tracer as tracer, util as util
from .builtins import dict as dict, isinstance as isinstance, list as list, tuple as tuple, type as type
from .compiling import compile_gradients as compile_gradients
from .differential_operators import (
    checkpoint as checkpoint,
    deriv as deriv,
    elementwise_grad as elementwise_grad,
    grad as grad,
    grad_and_aux as grad_and_aux,
    grad_named as grad_named,
    hessian as hessian,
    hessian_tensor_product as hessian_tensor_product,
    hessian_vector_product as hessian_vector_product,
    holomorphic_grad as holomorphic_grad,
    jacobian as jacobian,
    make_ggnvp as make_ggnvp,
    make_hvp as make_hvp,
    make_jvp as make_jvp,
    make_vjp as make_vjp,
    multigrad_dict as multigrad_dict,
    tensor_jacobian_product as tensor_jacobian_product,
    value_and_grad as value_and_grad,
    vector_jacobian_product as vector_jacobian_product,
)
from .extend import primitive as primitive
from .installing import install as install
