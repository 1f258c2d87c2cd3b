"""Pictures of descent: where the paths end, measured rates beside theory, and the shell."""

from __future__ import annotations

import json

import numpy as np
import pytest

from difflab.cli.app import run
from difflab.errors import InputError
from difflab.nn import descent, kernels


@pytest.mark.parametrize("name", descent.SURFACES)
def test_paths_go_down(tmp_path, name):
    surface = descent.SURFACES[name]
    paths = descent.descent_picture(name, tmp_path / "p.png", steps=80)
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert list(paths) == list(descent.OPTIMISERS)
    for points in paths.values():
        assert points[0].tolist() == list(surface.start)
        assert surface.f(points[-1]) < surface.f(points[0])
    assert min(np.linalg.norm(paths["Newton"][-1] - m) for m in surface.minima) < 1e-6


def test_step_sizes_do_what_their_titles_say(tmp_path):
    found = descent.step_size_picture(tmp_path / "p.svg")
    size = {rate: descent.RAVINE.f(points[-1]) for rate, points in found.items()}
    assert size[0.101] > 20 > 10 > size[0.004] > size[0.04]
    assert (np.diff(np.sign(found[0.095][:, 1])) != 0).all()


def test_measured_rates_are_those_of_theory(tmp_path):
    for rate in descent.convergence_picture(tmp_path / "p.png", 40.0, 200):
        assert rate.measured == pytest.approx(rate.theory, rel=0.02)


def test_momentum_helps_up_to_a_point(tmp_path):
    found = descent.momentum_picture(tmp_path / "p.png")
    end = {m: descent.RAVINE.f(points[-1]) for m, points in found.items()}
    assert end[0.8] < end[0.5] < end[0.0]


def test_kernels_on_a_photograph(tmp_path):
    images = descent.kernels_picture(tmp_path / "p.png")
    assert len(images) == 1 + len(kernels.KERNELS)
    assert kernels.gaussian(9, 2.0).sum() == pytest.approx(1)
    for make in (kernels.sobel_x, kernels.sobel_y, kernels.laplacian, lambda: kernels.line(45)):
        assert make().sum() == 0
    np.testing.assert_array_equal(kernels.sobel_x(), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    with pytest.raises(InputError, match="angle=30"):
        kernels.line(30)
    with pytest.raises(InputError, match="size=4"):
        kernels.gaussian(4)


def test_the_shell(tmp_path, capsys):
    out = str(tmp_path / "p.png")
    assert run(["descent", "x**2 + 10*y**2", "--at", "x=3,y=1", "--optimiser", "newton", "-o", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["Newton"]["value"] == pytest.approx(0, abs=1e-20)
    assert run(["descent", "rates", "-o", out, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "gradient descent"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ravine", "--optimiser", "adm"], "'adm'"),
        (["x + y + z", "--at", "x=1,y=1,z=1"], "two names"),
        (["x * y", "--at", "x=1"], "no value for y"),
        (["log(x) + y", "--at", "x=-1,y=0"], "nan at the start"),
        (["canyon"], "no surface or picture 'canyon'"),
    ],
)
def test_bad_input_is_named(tmp_path, capsys, arguments, message):
    assert run(["descent", *arguments, "-o", str(tmp_path / "p.png")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "p.png").exists()


def test_a_surface_without_a_box_shows_where_the_paths_go():
    left, right, bottom, top = descent.around(
        (3.0, 1.0), [np.array([[3.0, 1.0], [-0.9, -0.7]]), np.array([[3.0, 900.0]])]
    )
    assert -2 < left < -0.9 and 3 < right < 4 and -1.2 < bottom < -0.7 and 1 < top < 1.5
    assert all(np.isfinite(descent.around((0.0, 0.0), [])))  # nobody moved
