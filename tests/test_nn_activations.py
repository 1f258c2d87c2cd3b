"""Activations: rows, the functions of nn.functional and layers say the same of them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from difflab import nn
from difflab.nn import functional as F
from difflab.nn.layers.activations import Activation
from difflab.primitives import TABLE


def defaults(function):
    return {n: p.default for n, p in inspect.signature(function).parameters.items() if p.default is not p.empty}


def test_activations_have_the_defaults_of_their_rows():
    """Each rule of a row says a setting's default, as its function and its layer do: all say the same."""
    kinds = {k: made for k in nn.layers.__all__ if hasattr(made := getattr(nn, k), "function")}
    public = {n for n in F.__all__ if getattr(F, n).__module__ == F.relu.__module__}
    assert public - {made.function.__name__ for made in kinds.values()} == {"prelu", "one_hot"}  # parameters, labels
    seen = set()
    for name in public & TABLE.keys():
        said = defaults(getattr(F, name))
        for rule in (
            TABLE[name].value,
            *getattr(TABLE[name], "partials", ()),
            TABLE[name].one_sided,
            TABLE[name].kinks,
        ):
            for setting, value in (defaults(rule) if rule else {}).items():
                assert said[setting] == value, (name, setting)
                seen.add((name, setting))
    assert len(seen) == 8


def test_a_layer_of_a_function_cannot_say_another_default():
    with pytest.raises(TypeError, match=r"Bent has the settings \[\('alpha', 2.0\)\], elu has \[\('alpha', 1.0\)\]"):

        class Bent(Activation, of=F.elu):
            alpha: float = 2.0

    class Steep(nn.ReLU):  # a layer of one's own may stand on one of them
        def call(self, x):
            return 2 * super().call(x)

    np.testing.assert_array_equal(Steep().apply({}, {}, np.array([-1.0, 3.0]), training=False)[0], [0, 6])
    assert nn.CELU.__doc__ == F.celu.__doc__.partition("\n")[0]


def test_models_with_every_activation_are_saved_counted_and_trained(tmp_path):
    """A file describes each of them; what it is made of again gives the same numbers."""
    layers = [nn.Linear(4, 6)]
    for name in sorted(n for n in nn.layers.__all__ if hasattr(getattr(nn, n), "function")):
        layers.append(getattr(nn, name)(*([0.1, 0.2] if name == "Threshold" else [-1] if "Softm" in name else [])))
    model = nn.Sequential(*layers, nn.PReLU(), nn.Linear(3, 2))
    params, state = model.init(0)
    path = nn.save_checkpoint(tmp_path / "every.npz", model, params, state)
    found, x = nn.load_checkpoint(path), np.random.default_rng(0).normal(size=(5, 4))
    assert found.model == model
    want = model.apply(params, state, x, training=False)[0]
    np.testing.assert_array_equal(found.model.apply(found.params, found.state, x, training=False)[0], want)
    assert nn.summary(model, (4,)).parameters == 4 * 6 + 6 + 1 + 3 * 2 + 2
    run = nn.fit(model, (x, np.array([0, 1, 0, 1, 1])), epochs=2, batch_size=5)
    assert np.isfinite(run.history[-1]["train_loss"])
