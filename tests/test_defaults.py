"""What is not said to a public function, class or method: the defaults on which users rely, as recorded.

`pytest --write-figures tests/test_defaults.py` writes tests/defaults.json anew, after a look at what changed: another
default changes what programs of others compute. What is new is recorded then, too.
"""

from __future__ import annotations

import contextlib
import inspect
from pathlib import Path

from recorded import record, recorded

import difflab as dl
from difflab import mdp, nn, testing
from difflab.mdp import learning
from difflab.nn.training import recipes

FILE = Path(__file__).with_name("defaults.json")
PLACES = {
    "dl": dl,
    "mdp": mdp,
    "mdp.learning": learning,
    "nn": nn,
    "nn.functional": nn.functional,
    "nn.optim": nn.optim,
    "nn.data": nn.data,
    "nn.models": nn.models,
    "nn.kernels": nn.kernels,
    "nn.training.recipes": recipes,
    "testing": testing,
}


def public():
    """Functions, classes and their methods by name."""
    for place, module in PLACES.items():
        for name in dir(module):
            value = None if name.startswith("_") else getattr(module, name)
            if not callable(value) or not (getattr(value, "__module__", "") or "").startswith("difflab"):
                continue
            yield f"{place}.{name}", value
            for method, f in vars(value).items() if inspect.isclass(value) else ():
                f = getattr(f, "__func__", f)
                if not method.startswith("_") and inspect.isfunction(f):
                    yield f"{place}.{name}.{method}", f


def defaults(value):
    """A default by the argument's name, as it is written."""
    with contextlib.suppress(ValueError, TypeError):  # Python does not know the arguments of some
        found = {n: p.default for n, p in inspect.signature(value).parameters.items()}
        return {
            n: text for n, d in found.items() if d is not inspect.Parameter.empty and " at 0x" not in (text := repr(d))
        }
    return {}


def test_what_is_not_said(request):
    found = {name: said for name, value in public() if (said := defaults(value))}
    if request.config.option.write_figures:
        record(FILE, found)
    known = recorded(FILE)
    assert len(known) > 200
    for name, said in known.items():
        assert {n: found.get(name, {}).get(n) for n in said} == said, name
