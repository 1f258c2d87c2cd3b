"""What torch.export refuses: functions whose Python code reads values, followed at the examples by make_fx."""

from __future__ import annotations

from ...errors import UnsupportedError
from ...types import Function, Value
from ..packages import Foreign, needed
from .program import needed_for, read
from .writes import straight, unseen, written

WHAT = "from_torch"
ROUNDS = 3  # of taking out operations in place: those of which torch's own are made come to light one round later


def followed(
    torch: Foreign, module: Foreign, leaves: list[Foreign], spec: Foreign, rules: Foreign, reason: Exception
) -> tuple[Foreign, Foreign]:
    """The module of steps that are taken at the examples, and the structure of their results.

    Its placeholders are the parameters, the buffers, and the tensors among the arguments' leaves. Raises
    UnsupportedError, with the reasons of both exporters, where make_fx fails as well.
    """
    flat, inputs, structure = flattened(torch, module, leaves, spec)
    try:
        try:
            steps = taken(torch, flat, inputs)
            below = any(escaped(torch, x) for x in read(steps).values())
        except UnsupportedError:
            raise
        except Exception:  # of any kind: torch's code has raised many
            below = True
        if below:  # torch.func's transforms are recorded beneath autograd, where no_grad is not seen
            steps = taken(torch, flat, inputs, pre_dispatch=False)
        steps = without_gradients(torch, steps, len(list(module.parameters())), len(list(module.buffers())))
        for _ in range(ROUNDS):
            steps = functional(torch, steps, inputs, rules)
            if all(x.op == "get_attr" for step in steps.graph.nodes for x in map(source, written(step))):
                break
        check_captured(steps)
    except UnsupportedError:
        raise
    except Exception as error:
        why = f"torch.export cannot record this: {told(reason)}; nor can make_fx: {told(error)}"
        raise UnsupportedError(f"{WHAT}: {why}") from error
    return steps, structure[0]


def taken(torch: Foreign, flat: Function, inputs: list[Foreign], pre_dispatch: bool = True) -> Foreign:
    """The module of steps that make_fx sees at the inputs."""
    proxy = needed("torch.fx.experimental.proxy_tensor", WHAT)
    make = proxy.make_fx(flat, pre_dispatch=pre_dispatch, record_stack_traces=True, _error_on_data_dependent_ops=False)
    with numbers_refused(torch, grad_modes=not pre_dispatch):
        return make(*inputs)


def functional(torch: Foreign, steps: Foreign, inputs: list[Foreign], rules: Foreign) -> Foreign:
    """The steps without operations in place, but for those that torch's own operations are made of."""
    proxy = needed("torch.fx.experimental.proxy_tensor", WHAT)
    again = torch.func.functionalize(torch.fx.Interpreter(steps).run)
    python = torch._dispatch.python.enable_python_dispatcher()  # else products come with operations in place
    with torch.no_grad(), torch.fx.traceback.preserve_node_meta(), python:
        make = proxy.make_fx(again, decomposition_table=dict(rules.items()), _error_on_data_dependent_ops=False)
        return make(*inputs)


def source(step: Foreign) -> Foreign:
    """The step behind those in place whose result is what they wrote into."""
    while (earlier := written(step)) and step.target._schema.returns[0].alias_info is not None:
        step = earlier[0]
    return step


def check_captured(steps: Foreign) -> None:
    """Refuses a captured tensor that is written into and read afterwards, since the graph has what it was before."""
    changed: set[str] = set()
    for step in needed_for(steps.graph, list(steps.graph.nodes)):
        if not changed.isdisjoint(x.target for x in map(source, step.all_input_nodes) if x.op == "get_attr"):
            told = "the function writes into a tensor that it captures, and reads it afterwards: make it an argument"
            raise UnsupportedError(f"{WHAT}: {told}")
        changed.update(x.target for x in map(source, written(step)) if x.op == "get_attr")


def escaped(torch: Foreign, x: Value) -> bool:
    """Whether x is a value that a transform of torch.func has left behind: it moves with the inputs, and would not."""
    return isinstance(x, torch.Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(x)


def numbers_refused(torch: Foreign, grad_modes: bool) -> Foreign:
    """A context in which tensors decide branches and become no numbers, which the graph would keep.

    With `grad_modes` torch.no_grad is refused, too. `x.data` is `x.detach()`: it shares memory, which is recorded.
    """
    names = "item numpy tolist __float__ __int__ __index__ __array__".split()
    readers = {getattr(torch.Tensor, name): name for name in names}

    def refusing(
        self: Foreign, function: Function, types: Foreign, args: Foreign = (), kwargs: Foreign = None
    ) -> Foreign:
        if function in readers:
            told = f"{readers[function]}() takes a number out of a tensor, which would be the same in every call"
            raise UnsupportedError(f"{WHAT}: {told}: compute with the tensor")
        if grad_modes and function is torch._C._set_grad_enabled and not args[0]:
            told = "torch.no_grad() and torch.func's transforms in one function are not recorded"
            raise UnsupportedError(f"{WHAT}: {told}: use detach() for what has no derivative")
        if function == torch.Tensor.data.__get__:
            return args[0].detach()
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


def without_gradients(torch: Foreign, module: Foreign, parameters: int, buffers: int) -> Foreign:
    """The steps, with a `detach` behind each that torch.no_grad keeps from having a derivative.

    The placeholders are so many parameters, so many buffers, and arguments.
    """
    names = [step.name for step in module.graph.nodes if step.op == "placeholder"]
    changed = unseen(torch, module, {*names[:parameters], *names[parameters + buffers :]})
    recording = True
    for step in list(module.graph.nodes):
        if step.target is torch._C._set_grad_enabled:
            recording = bool(step.args[0])
            module.graph.erase_node(step)
        elif step in changed:
            straight(torch, module.graph, step, step, changed[step])
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
