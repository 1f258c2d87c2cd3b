"""What torch.export refuses: functions whose Python code reads values, followed at the examples by make_fx."""

from __future__ import annotations

from ...errors import UnsupportedError
from ...types import Function
from ..packages import Foreign, needed

WHAT = "from_torch"


def followed(
    torch: Foreign, module: Foreign, leaves: list[Foreign], spec: Foreign, rules: Foreign, reason: Exception
) -> tuple[Foreign, Foreign]:
    """The module of steps that are taken at the examples, and the structure of their results.

    Its placeholders are the parameters, the buffers, and the tensors among the arguments' leaves. Raises
    UnsupportedError, with the reasons of both exporters, where make_fx fails as well.
    """
    proxy = needed("torch.fx.experimental.proxy_tensor", WHAT)
    flat, inputs, structure = flattened(torch, module, leaves, spec)
    options = {"_error_on_data_dependent_ops": False}
    try:
        taken = proxy.make_fx(flat, pre_dispatch=True, record_stack_traces=True, **options)
        with numbers_refused(torch):
            first = without_gradients(torch, taken(*inputs))
        again = torch.func.functionalize(torch.fx.Interpreter(first).run)
        python = torch._dispatch.python.enable_python_dispatcher()  # else products come with operations in place
        with torch.no_grad(), torch.fx.traceback.preserve_node_meta(), python:
            steps = proxy.make_fx(again, decomposition_table=dict(rules.items()), **options)(*inputs)
    except UnsupportedError:
        raise
    except Exception as error:
        why = f"torch.export cannot record this: {told(reason)}; nor can make_fx: {told(error)}"
        raise UnsupportedError(f"{WHAT}: {why}") from error
    return steps, structure[0]


def numbers_refused(torch: Foreign) -> Foreign:
    """A context in which tensors decide branches and become no numbers, which the graph would keep."""
    names = "item numpy tolist __float__ __int__ __index__ __array__".split()
    readers = {getattr(torch.Tensor, name): name for name in names}

    def refusing(
        self: Foreign, function: Function, types: Foreign, args: Foreign = (), kwargs: Foreign = None
    ) -> Foreign:
        if function in readers:
            told = f"{readers[function]}() takes a number out of a tensor, which would be the same in every call"
            raise UnsupportedError(f"{WHAT}: {told}: compute with the tensor")
        return function(*args, **(kwargs or {}))

    return type("Refusing", (torch.overrides.TorchFunctionMode,), {"__torch_function__": refusing})()


def flattened(
    torch: Foreign, module: Foreign, leaves: list[Foreign], spec: Foreign
) -> tuple[Function, list[Foreign], list[Foreign]]:
    """The module as a function of all its tensors, these tensors, and a place for the structure of its results."""
    places = [k for k, x in enumerate(leaves) if isinstance(x, torch.Tensor)]
    held = [*module.named_parameters(), *module.named_buffers()]
    names = [name for name, _ in held]
    inputs = [x.detach().clone() for _, x in held] + [leaves[k].detach() for k in places]
    structure: list[Foreign] = []

    def flat(*tensors: Foreign) -> Foreign:
        filled = list(leaves)
        for k, x in zip(places, tensors[len(names) :]):
            filled[k] = x
        args, kwargs = torch.utils._pytree.tree_unflatten(filled, spec)
        found = torch.func.functional_call(module, dict(zip(names, tensors)), args, kwargs)
        results, out = torch.utils._pytree.tree_flatten(found)
        structure[:] = [out]
        return results

    return flat, inputs, structure


def without_gradients(torch: Foreign, module: Foreign) -> Foreign:
    """The steps, with a `detach` behind each that torch.no_grad keeps from having a derivative."""
    recording = True
    for step in list(module.graph.nodes):
        if step.target is torch._C._set_grad_enabled:
            recording = bool(step.args[0])
            module.graph.erase_node(step)
        elif not recording and step.op == "call_function" and hasattr(step.meta.get("val"), "dtype"):
            detached(torch, module.graph, step)
    module.recompile()
    return module


def detached(torch: Foreign, graph: Foreign, step: Foreign) -> None:
    """Puts a `detach` between a step and its readers."""
    with graph.inserting_after(step):
        new = graph.call_function(torch.ops.aten.detach.default, (step,))
    new.meta.update(step.meta)
    step.replace_all_uses_with(new, delete_user_cb=lambda user: user is not new)


def told(error: Exception) -> str:
    """The first line of what torch says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
