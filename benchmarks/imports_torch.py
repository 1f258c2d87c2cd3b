"""How many of torch's functions `dl.from_torch` reads: `python -m benchmarks.imports_torch [--write] [names ...]`.

Every public function of torch, torch.special, torch.nn.functional and torch.linalg whose result torch differentiates is
called on a sample, read as a graph, and the graph's value and gradient are held against torch's, in double precision.
A function without a sample counts as not read.
"""

from __future__ import annotations

import inspect
import pathlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import difflab as dl

TABLE = pathlib.Path(__file__).parent.parent / "docs" / "coverage-torch.md"
HOMES = {"torch": torch, "torch.special": torch.special, "torch.nn.functional": F, "torch.linalg": torch.linalg}
TOLERANCE = 1e-9  # of values and gradients, relative to the largest element: above it a function counts as wrong

# Names and the arguments with which they are called, by the letters that `points` explains.
SAMPLES = {
    "torch": """
abs absolute sin cos tan sinh tanh cosh asinh arcsinh atan arctan exp exp2 expm1 square sigmoid sinc : m
neg negative positive clone celu relu selu deg2rad rad2deg erf erfc i0 ceil floor trunc fix round frac sign sgn : m
acos arccos asin arcsin atanh arctanh erfinv logit : u
acosh arccosh : 1 + p
log log10 log1p log2 lgamma digamma rsqrt sqrt reciprocal : p
add sub subtract mul multiply maximum minimum fmax fmin hypot logaddexp logaddexp2 atan2 arctan2 copysign : m, n
div divide true_divide fmod remainder : m, 0.5 + p
rsub : m, n
pow : p, n
float_power xlogy : p, p + 1
ldexp : m, i
igamma igammac : p.detach(), p + 0.5
lerp : m, n, 0.3
addcdiv : m, n, p
addcmul : m, n, p
addmm : s, m, m.T
addmv : v3, m, v4
addr : m, v3, v4
addbmm : s, b, b.mT
baddbmm : b @ b.mT, b, b.mT
bmm : b, b.mT
mm matmul : m, n.T
mv : m, v4
dot inner vdot : v4, v4 + 1
outer ger : v3, v4
kron : m, s
chain_matmul : m, n.T, m
tensordot : m, n, 2
einsum : 'ij,kj->ik', m, n
trapezoid trapz cumulative_trapezoid : m
cross : s, s + u3, 1
bilinear : v3[None], v4[None], torch.ones(2, 3, 4, dtype=v3.dtype) * 0.3
clamp clip : m, -0.5, 0.5
clamp_max clamp_min : m, 0.1
threshold : m, 0.1, 2.0
prelu : m, v4
hardshrink : m
nan_to_num : m
mvlgamma : p + 2, 2
polygamma : 1, p
lerp : m, n, 0.7
where : k, m, n
masked_fill : m, k, 0.3
masked_scatter : m, k, n
masked_select : m, k
sum mean prod amax amin max min median nansum nanmean nanmedian logdet : s
std var norm nuclear_norm : m
frobenius_norm : m, 1
std_mean var_mean : m
aminmax : m
logsumexp softmax log_softmax cumsum cumprod logcumsumexp cummax cummin : m, 1
quantile nanquantile : m, 0.3
kthvalue : m, 2
sort msort : m
topk : m, 2
renorm : m, 2, 0, 1.0
dist : m, n
cdist pairwise_distance cosine_similarity : m, n
pdist : m
norm_except_dim : m, 2, 0
native_norm : m, 2
diff corrcoef cov gradient : m
t adjoint ravel flatten squeeze fliplr flipud rot90 : m
transpose swapaxes swapdims moveaxis movedim : m, 0, 1
permute : b, (2, 0, 1)
reshape : m, (4, 3)
view_copy : m, (4, 3)
unflatten : m, 1, (2, 2)
unsqueeze : m, 1
broadcast_to : v4, (3, 4)
expand_copy : v4, (3, 4)
broadcast_tensors : m, v4
atleast_1d atleast_2d atleast_3d : m
cat concat concatenate stack vstack hstack dstack column_stack row_stack : (m, n)
block_diag : m, n
cartesian_prod : v3, v4
combinations : v4
meshgrid : v3, v4
chunk split tensor_split hsplit unsafe_chunk unsafe_split : m, 2
vsplit : s4, 2
dsplit : b, 2
split_with_sizes unsafe_split_with_sizes : m, (1, 2)
unbind : m
tile : m, (2, 1)
repeat_interleave : m, 2
flip : m, (0,)
roll : m, 1, 1
diag diag_embed diagflat diagonal : m
diagonal_scatter : s, v3
tril triu : m
trace : s
narrow narrow_copy : m, 1, 1, 2
select : m, 1, 2
select_scatter : m, v3, 1, 2
slice_scatter : m, m[:1], 0, 1, 2
slice_copy : m, 0, 1, 3
select_copy : m, 0, 1
as_strided as_strided_copy : m, (2, 2), (1, 3)
as_strided_scatter : m, s[:2, :2], (2, 2), (1, 3)
unfold_copy : m, 1, 2, 1
alias_copy t_copy squeeze_copy detach_copy : m
diagonal_copy unbind_copy : m
permute_copy : m, (1, 0)
transpose_copy : m, 0, 1
unsqueeze_copy : m, 0
split_copy : m, 2
split_with_sizes_copy : m, (1, 2)
constant_pad_nd : m, (1, 2)
gather : m, 1, j
take : m, j
take_along_dim : m, j, 1
index_select : m, 1, i2
index_add index_copy : m, 1, i2, n[:, :2]
index_fill : m, 1, i2, 0.5
index_put : m, (i2, i2), v3[:2]
index_reduce : m, 1, i2, n[:, :2], 'amax'
put : m, i2, v3[:2]
scatter scatter_add : m, 1, j, n
scatter_reduce : m, 1, j, n, 'sum'
segment_reduce : v4, 'sum', lengths=torch.tensor([1, 3])
vander : v4
fill : m, 2.0
det inverse matrix_exp slogdet pinverse svd qr : s
matrix_power : s, 3
cholesky : spd
lu : s
cholesky_inverse : L
cholesky_solve : s, L
triangular_solve : s, spd
lu_solve : s, *torch.linalg.lu_factor(spd)
lu_unpack : torch.linalg.lu_factor(spd)[0], torch.linalg.lu_factor(spd)[1]
ormqr : s, v3, s
geqrf : s
orgqr : s, v3
conv1d : seq, torch.ones(3, 4, 2, dtype=m.dtype) * 0.3
conv_transpose1d : seq, torch.ones(4, 3, 2, dtype=m.dtype) * 0.3
conv2d : img, ker
conv3d : vol, torch.ones(3, 2, 2, 2, 2, dtype=m.dtype) * 0.3
conv_transpose2d : img, ker
conv_transpose3d : vol, torch.ones(2, 3, 2, 2, 2, dtype=m.dtype) * 0.3
conv_tbc : seq, torch.ones(2, 8, 3, dtype=m.dtype) * 0.3, v3
convolution : img, ker, None, (1, 1), (1, 1), (1, 1), False, (0, 0), 1
avg_pool1d max_pool1d max_pool1d_with_indices : seq, 2
max_pool2d : img, 2
max_pool3d : vol, 2
adaptive_avg_pool1d adaptive_max_pool1d : seq, 3
batch_norm : img, None, None, None, None, True, 0.1, 1e-5, False
native_batch_norm : img, None, None, None, None, True, 0.1, 1e-5
instance_norm : img, None, None, None, None, True, 0.1, 1e-5, False
layer_norm : m, (4,)
native_layer_norm : m, (4,), None, None, 1e-5
rms_norm : m, (4,)
group_norm : img, 2
native_group_norm : img, None, None, 2, 4, 36, 2, 1e-5
channel_shuffle native_channel_shuffle pixel_shuffle : img, 2
pixel_unshuffle : img, 2
affine_grid_generator : torch.ones(1, 2, 3, dtype=m.dtype) * 0.3, (1, 1, 3, 3), False
grid_sampler grid_sampler_2d : img, grid, 0, 0, False
grid_sampler_3d : vol, torch.rand(2, 2, 2, 2, 3, dtype=m.dtype), 0, 0, False
embedding : m, i2
embedding_bag : m, i2, torch.tensor([0])
binary_cross_entropy_with_logits : m, u
kl_div : m, u
poisson_nll_loss : m, p, True, False, 1e-8, 1
cosine_embedding_loss : m, n, torch.tensor([1, -1, 1])
hinge_embedding_loss : m, torch.where(k, 1, -1)
margin_ranking_loss : m, n, torch.where(k, 1, -1)
triplet_margin_loss : m, n, p
ctc_loss : seqlog, torch.tensor([[1, 2], [2, 1]]), (8, 8), (2, 2)
rnn_tanh_cell rnn_relu_cell : m, s, W, U
gru_cell : m, s, W.repeat(3, 1), U.repeat(3, 1)
lstm_cell : m, (s, s), W.repeat(4, 1), U.repeat(4, 1)
lstm : b, (h, h), [W.repeat(4, 1), U.repeat(4, 1)], False, 1, 0.0, False, False, False
gru : b, h, [W.repeat(3, 1), U.repeat(3, 1)], False, 1, 0.0, False, False, False
rnn_tanh rnn_relu : b, h, [W, U], False, 1, 0.0, False, False, False
complex polar : m, n
real conj angle : m
conj_physical resolve_conj resolve_neg : m
view_as_complex : torch.stack((m, n), -1)
stft : seq[0], 4, return_complex=False, onesided=True
cond : torch.tensor(True), lambda x: x.sin(), lambda x: x.cos(), (m,)
""",
    "torch.special": """
bessel_j0 bessel_j1 bessel_y0 bessel_y1 airy_ai modified_bessel_i0 modified_bessel_i1 : p
modified_bessel_k0 modified_bessel_k1 scaled_modified_bessel_k0 scaled_modified_bessel_k1 spherical_bessel_j0 : p
digamma psi gammaln entr log1p : p
erf erfc erfcx exp2 expit expm1 i0 i0e i1 i1e log_ndtr ndtr round sinc : m
erfinv logit ndtri : u
gammainc gammaincc : p.detach(), p + 0.5
log_softmax logsumexp softmax : m, 1
multigammaln : p + 2, 2
polygamma : 1, p
xlog1py xlogy : m, p
zeta : 2 + p, p
chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w : u, 3
shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v : u, 3
shifted_chebyshev_polynomial_w hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l : u, 3
legendre_polynomial_p : u, 3
""",
    "torch.nn.functional": """
celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu relu6 selu sigmoid silu : m
softplus softshrink softsign tanh tanhshrink glu normalize : m
softmax softmin log_softmax : m, 1
threshold : m, 0.1, 2.0
prelu : m, v4
linear : m, n
bilinear : v3[None], v4[None], torch.ones(2, 3, 4, dtype=v3.dtype) * 0.3
conv1d : seq, torch.ones(3, 4, 2, dtype=m.dtype) * 0.3
conv_transpose1d : seq, torch.ones(4, 3, 2, dtype=m.dtype) * 0.3
conv2d conv_transpose2d : img, ker
conv3d : vol, torch.ones(3, 2, 2, 2, 2, dtype=m.dtype) * 0.3
conv_transpose3d : vol, torch.ones(2, 3, 2, 2, 2, dtype=m.dtype) * 0.3
conv_tbc : seq, torch.ones(2, 8, 3, dtype=m.dtype) * 0.3, v3
avg_pool1d max_pool1d max_pool1d_with_indices : seq, 2
avg_pool2d max_pool2d max_pool2d_with_indices : img, 2
avg_pool3d max_pool3d max_pool3d_with_indices : vol, 2
lp_pool1d : 1 + seq ** 2, 2, 2
lp_pool2d : 1 + img ** 2, 2, 2
lp_pool3d : 1 + vol ** 2, 2, 2
adaptive_avg_pool1d adaptive_max_pool1d adaptive_max_pool1d_with_indices : seq, 3
adaptive_avg_pool2d adaptive_max_pool2d adaptive_max_pool2d_with_indices : img, 4
adaptive_avg_pool3d adaptive_max_pool3d adaptive_max_pool3d_with_indices : vol, 2
max_unpool1d : *F.max_pool1d_with_indices(seq, 2), 2
max_unpool2d : *F.max_pool2d_with_indices(img, 2), 2
max_unpool3d : *F.max_pool3d_with_indices(vol, 2), 2
batch_norm : img, None, None, None, None, True
instance_norm : img
layer_norm rms_norm : m, (4,)
group_norm : img, 2
local_response_norm : img, 2
channel_shuffle native_channel_shuffle pixel_shuffle pixel_unshuffle : img, 2
pad : img, (1, 2, 1, 0), 'reflect'
interpolate upsample upsample_nearest upsample_bilinear : img, (9, 4)
unfold : img, 2
fold : m.T.reshape(1, 4, 3), (2, 4), 2
affine_grid : torch.ones(1, 2, 3, dtype=m.dtype) * 0.3, (1, 1, 3, 3), False
grid_sample : img, grid, 'bilinear', 'zeros', False
embedding : i2, m
embedding_bag : i2[None], m
scaled_dot_product_attention : b, b + 1, b * b
multi_head_attention_forward : b, b, b, 4, 2, Wqkv, v12, None, None, False, 0.0, s4, v4
binary_cross_entropy : u, u2
binary_cross_entropy_with_logits : m, u
cross_entropy nll_loss multi_margin_loss : m, torch.tensor([1, 0, 3])
linear_cross_entropy : m, n, torch.tensor([1, 0, 2])
multilabel_margin_loss : m, torch.tensor([[1, 0, -1, 2]] * 3)
multilabel_soft_margin_loss : m, k.double()
soft_margin_loss hinge_embedding_loss : m, torch.where(k, 1.0, -1.0).double()
kl_div poisson_nll_loss : m, u
gaussian_nll_loss triplet_margin_loss triplet_margin_with_distance_loss : m, n, p
huber_loss l1_loss mse_loss smooth_l1_loss : m, n
cosine_embedding_loss : m, n, torch.tensor([1, -1, 1])
margin_ranking_loss : m, n, torch.where(k, 1.0, -1.0).double()
ctc_loss : seqlog, torch.tensor([[1, 2], [2, 1]]), (8, 8), (2, 2)
cosine_similarity pairwise_distance : m, n
pdist : m
""",
    "torch.linalg": """
det inv pinv slogdet svdvals eigvals matrix_exp cond matrix_norm norm vector_norm svd qr lu lu_factor : s
lu_factor_ex inv_ex eig diagonal : s
cholesky cholesky_ex eigh eigvalsh : spd
ldl_factor ldl_factor_ex : spd
cross : s, s + u3
matrix_power : s, 3
matmul : m, n.T
multi_dot : (m, n.T, m)
lstsq : m.T, s4[:, :2]
lu_solve : *torch.linalg.lu_factor(spd), s
ldl_solve : *torch.linalg.ldl_factor(spd), s
solve solve_ex : spd, s
solve_triangular : L, s, upper=False
tensorinv : torch.eye(6, dtype=s.dtype).reshape(2, 3, 6) + 0.1 * torch.ones(2, 3, 6, dtype=s.dtype) * s[0, 0], 2
tensorsolve : spd, v3
vecdot : m, n
vander : v4
householder_product : s, v3 * 0.1
""",
}

# Of a symmetric matrix only one triangle is read, and how a gradient is shared out between the two is a convention:
# torch halves it. The symmetric part is the same.
SYMMETRIC = "cholesky cholesky_ex eigh eigvalsh".split()

# What is no function of tensors with a derivative, by name or pattern, and why it is left out.
LEFT_OUT = {
    "changes its argument in place": r".*_",
    "names of a device's or library's own kernels": r"(cudnn|miopen|mkldnn|fbgemm|quantize|q_|fake_quant|fused_"
    r"|choose_q|batch_norm_(back|el|ga|st|up)|_|thnn).*|int_repr|dequantize|scaled_(grouped_)?mm|grouped_mm",
    "sparse tensors": r"sparse_.*|dsmm|hsmm|hspmm|saddmm|smm|spmm|sspaddmm|.*(indices|values)_copy|ccol.*|crow.*"
    r"|resize_as.*",
    "draws random numbers": r".*(dropout|rand|fractional_max).*|bernoulli|binomial|normal|multinomial|poisson|seed"
    r"|gumbel_softmax|rrelu|svd_lowrank|pca_lowrank|lobpcg",
    "no function of tensors": r"(is_|get_|set_|sym_|are_|import_|init_|autocast|prepare|profiler|promote|merge|unify"
    r"|parse|has_torch|handle_torch|can_).*|classproperty|compile.*|manual_seed|initial_seed|typename|save|load|fork|wait|use_"
    r"deterministic_algorithms|result_type|numel|from_.*|frombuffer|to_dlpack|vmap|thread_safe_generator|boolean_dispatch"
    r"|assert_int_or_pair|broadcast_shapes|clear_autocast_cache|hash_tensor|common_.*|multi_dim_common|Optional|Tensor"
    r"|LinAlgError|torch|while_loop|equal|allclose|tensor|asarray|as_tensor|view_as_real|view_as_real_copy|imag"
    r"|view_as_complex_copy|istft|empty.*|range|solve|symeig|lstsq|eig|.*_window|scalar_tensor",
    "its result has no derivative": r"all|any|arange|argmax|argmin|argsort|argwhere|bincount|bitwise_.*|bucketize|count"
    r"_nonzero|eq|ne|ge|gt|le|lt|greater.*|less.*|not_equal|eye|full.*|ones.*|zeros.*|gcd|lcm|hist.*|is(close|finite|in"
    r"|inf|nan|neginf|posinf|real)|linspace|logspace|logical_.*|matrix_rank|slice_inverse|nonzero.*|searchsorted|signbit|tri[lu]_in"
    r"dices|unique.*|unravel_index|one_hot|detach.*|floor_divide|nextafter|heaviside|frexp|mode",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one function: the errors of value and gradient, or why it is not read."""

    name: str
    value: float | None = None
    gradient: float | None = None
    reason: str = ""
    torchs: str = ""

    @property
    def read(self) -> bool:
        return not self.reason


def points() -> dict[str, Any]:
    """The letters of the samples: m, n matrices (3, 4), s square, p positive, u in (0, 1), v vectors, b a batch, ..."""
    torch.manual_seed(0)
    real = lambda *shape: torch.randn(shape, dtype=torch.float64)
    unit = lambda *shape: 0.1 + 0.8 * torch.rand(shape, dtype=torch.float64)
    s = real(3, 3) + 2 * torch.eye(3, dtype=torch.float64)
    return {
        "m": real(3, 4), "n": real(3, 4), "s": s, "s4": real(4, 4), "p": 0.3 + 2 * unit(3, 4), "u": unit(3, 4),
        "u2": unit(3, 4), "u3": unit(3, 3), "v3": real(3), "v4": real(4), "v12": real(12), "b": real(2, 3, 4),
        "spd": s @ s.T + torch.eye(3, dtype=torch.float64), "L": torch.linalg.cholesky(s @ s.T + torch.eye(3).double()),
        "seq": real(2, 4, 8), "img": real(2, 4, 6, 6), "vol": real(2, 2, 4, 4, 4), "ker": 0.3 * real(4, 4, 3, 3),
        "grid": 0.9 * (2 * unit(2, 3, 3, 2) - 1), "W": real(3, 4), "U": real(3, 3), "h": real(1, 3, 3),
        "Wqkv": real(12, 4), "seqlog": real(8, 2, 3).log_softmax(2), "i": torch.randint(-3, 4, (3, 4)),
        "j": torch.tensor([[1, 0, 3, 2]] * 3), "i2": torch.tensor([2, 0]), "k": real(3, 4) > 0,
    }  # fmt: skip


def samples(home: str) -> dict[str, str]:
    """The arguments' text for each function of a module."""
    found = {}
    for line in SAMPLES[home].strip().splitlines():
        names, _, text = line.partition(" : ")
        found.update(dict.fromkeys(names.split(), text))
    return found


def left_out(name: str) -> str | None:
    """Why a function is not counted."""
    return next((why for why, pattern in LEFT_OUT.items() if re.fullmatch(pattern, name)), None)


def functions(home: str) -> Iterator[str]:
    """The public functions of a module that are counted: what is given a sample is."""
    given = samples(home)
    for name in dir(HOMES[home]):
        thing = getattr(HOMES[home], name)
        if name.startswith("_") or not callable(thing) or inspect.isclass(thing):
            continue
        if name in given or left_out(name) is None:
            yield name


def tensors_of(tree: Any) -> list[Any]:
    """The float tensors of a tree, in order."""
    leaves = torch.utils._pytree.tree_leaves(tree)
    return [x for x in leaves if isinstance(x, torch.Tensor) and x.is_floating_point()]


def called(home: str, name: str) -> tuple[Any, list[Any]]:
    """A function of the sample's float tensors that gives its float results, and these tensors."""
    function = getattr(HOMES[home], name)
    collect = lambda *args, **kwargs: (args, kwargs)
    text = samples(home)[name]
    known = {"collect": collect, "torch": torch, "F": F, **points()}
    leaves, spec = torch.utils._pytree.tree_flatten(eval(f"collect({text})", known))
    places = [k for k, x in enumerate(leaves) if isinstance(x, torch.Tensor) and x.is_floating_point()]

    def f(*xs: Any) -> Any:
        filled = list(leaves)
        for k, x in zip(places, xs):
            filled[k] = x
        args, kwargs = torch.utils._pytree.tree_unflatten(filled, spec)
        return tuple(tensors_of(function(*args, **kwargs)))

    return f, [leaves[k].detach().clone() for k in places]


def judged(home: str, name: str) -> Outcome | None:
    """What became of a function; None where torch itself has no derivative for it."""
    full = f"{home}.{name}"
    if name not in samples(home):
        return Outcome(full, reason="no sample")
    f, inputs = called(home, name)
    watched = [x.clone().requires_grad_() for x in inputs]
    try:
        want = f(*watched)
        slopes = [i for i, y in enumerate(want) if y.requires_grad]
        seeds = [torch.randn(want[i].shape, dtype=want[i].dtype) for i in slopes]
        if not slopes:
            return None
        grads = torch.autograd.grad([want[i] for i in slopes], watched, seeds, allow_unused=True)
    except (RuntimeError, NotImplementedError, TypeError) as error:
        known = "derivative" in str(error) or "grad" in str(error)
        return None if known else Outcome(full, reason=f"torch: {error}"[:90])
    weighted = lambda *xs: sum((f(*xs)[i] * c).sum().item() for i, c in zip(slopes, seeds))
    try:
        graph = dl.from_torch(f, *inputs)
        plain = [x.numpy() for x in inputs]
        value = max(error_of(g, w.detach().numpy()) for g, w in zip(graph(*plain), want))
        ours = lambda *xs: sum(np.sum(graph(*xs)[i] * c.numpy()) for i, c in zip(slopes, seeds))
        gradient, torchs = 0.0, ""
        for k, want_k in enumerate(grads):
            if want_k is None:
                continue
            found, right = (shared(x, name) for x in (dl.grad(ours, argnums=k)(*plain), want_k.numpy(force=True)))
            error = error_of(found, right)
            if not error <= TOLERANCE and closer(found, right, shared(differences(weighted, inputs, k), name)):
                error, torchs = 0.0, f"PyTorch's own gradient is off by {error:.0e}, as differences of its values show"
            gradient = max(gradient, error)
    except Exception as error:  # whatever it is, it is what a user would get
        return Outcome(full, reason=f"{type(error).__name__}: {error}".replace("\n", " ")[:160])
    wrong = [f"{what} off by {e:.0e}" for what, e in (("value", value), ("gradient", gradient)) if not e <= TOLERANCE]
    return Outcome(full, value, gradient, "; ".join(wrong), torchs)


def shared(gradient: Any, name: str) -> Any:
    """The gradient, or its symmetric part where only that is told apart."""
    return (gradient + np.swapaxes(gradient, -1, -2)) / 2 if name in SYMMETRIC else gradient


def differences(f: Any, inputs: list[Any], k: int, h: float = 1e-5) -> Any:
    """Central differences of f by its k-th argument."""
    found = np.zeros(tuple(inputs[k].shape))
    for place in np.ndindex(*found.shape):
        sides = []
        for step in (h, -h):
            moved = [x.clone() for x in inputs]
            moved[k][place] += step
            sides.append(f(*moved))
        found[place] = (sides[0] - sides[1]) / (2 * h)
    return found


def closer(ours: Any, torchs: Any, truth: Any) -> bool:
    """Whether our gradient is the one that differences confirm."""
    return error_of(ours, truth) < 0.1 * error_of(torchs, truth)


def error_of(found: Any, want: Any) -> float:
    """The largest difference, relative to the largest element; NaN where shapes differ."""
    found, want = np.asarray(found), np.asarray(want)
    if found.shape != want.shape:
        return float("nan")
    if not want.size:
        return 0.0
    same = (found == want) | (np.isnan(found) & np.isnan(want))
    return float(np.max(np.where(same, 0.0, abs(found - want)))) / max(1.0, float(np.max(abs(want))))


def table(found: dict[str, list[Outcome]]) -> str:
    """The page: how many are read, and what became of the others."""
    lines = [
        "# What `dl.from_torch` reads",
        "",
        "Each public function whose result PyTorch differentiates, called on a sample: a function is read where the",
        "graph's value and gradient are PyTorch's, relative to the largest element",
        f"(up to {TOLERANCE:g}; float64, PyTorch {torch.__version__}).",
        "`python -m benchmarks.imports_torch --write` writes this page; `LEFT_OUT` there says what is not counted, and",
        "why.",
        "",
        "| module | functions | read | |",
        "|---|---|---|---|",
    ]
    for home, outcomes in found.items():
        read = sum(o.read for o in outcomes)
        lines.append(f"| {home} | {len(outcomes)} | {read} | {100 * read / len(outcomes):.0f} % |")
    everything = [o for outcomes in found.values() for o in outcomes]
    read = sum(o.read for o in everything)
    lines.append(f"| all | {len(everything)} | {read} | {100 * read / len(everything):.0f} % |")
    lines += ["", "## What is not read", "", "| function | why |", "|---|---|"]
    lines += [f"| {o.name} | {o.reason.replace('|', '/')} |" for o in everything if o.reason]
    lines += ["", "## Where PyTorch differs from itself", "", "| function | |", "|---|---|"]
    lines += [f"| {o.name} | {o.torchs} |" for o in everything if o.torchs]
    for home, outcomes in found.items():
        names = ", ".join(o.name.removeprefix(f"{home}.") for o in outcomes if o.read)
        lines += ["", f"## {home}: read", "", names]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """Judges all functions, or those named; `--write` writes the page."""
    names = [a for a in arguments if not a.startswith("--")]
    found: dict[str, list[Outcome]] = {}
    for home in HOMES:
        wanted = [n for n in functions(home) if not names or n in names or f"{home}.{n}" in names]
        found[home] = [outcome for n in wanted if (outcome := judged(home, n)) is not None]
        for o in found[home]:
            if o.reason or o.torchs or names:
                print(f"{o.name:45} {o.value} {o.gradient} {o.reason} {o.torchs}", flush=True)
        if found[home]:
            print(f"{home:22} {sum(o.read for o in found[home])} of {len(found[home])}", flush=True)
    if "--write" in arguments and not names:
        TABLE.write_text(table(found))


if __name__ == "__main__":
    main(sys.argv[1:])
