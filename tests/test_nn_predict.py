"""What a network says of files, against the same arithmetic in NumPy: one layer whose weights are known."""

from __future__ import annotations

import numpy as np
import pytest
from torch_cases import rng_array

from difflab import nn
from difflab.errors import InputError, ShapeError
from difflab.nn import predict as module
from difflab.nn.training.checkpoint import Checkpoint

SHAPE = (1, 2, 3)
MEAN, STD = np.array([0.3], np.float32), np.array([0.5], np.float32)
WEIGHT, BIAS = rng_array((3, 6), 1).astype(np.float32), rng_array(3, 2).astype(np.float32)
CLASSES = ["ant", "bee", "cat"]
PIXELS = np.random.default_rng(3).integers(0, 256, (4, *SHAPE), np.uint8)


def saved(folder, shape=SHAPE, classes=CLASSES, **about):
    """A checkpoint of scores = weight @ ((x - mean) / std) + bias."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), 3))
    params, state = model.init(0, dtype=np.float32)
    params["1"]["weight"], params["1"]["bias"] = WEIGHT[:, : int(np.prod(shape))], BIAS
    told = {
        "model": nn.spec.to_spec(model),
        "sample_shape": list(shape),
        "classes": classes,
        "mean": MEAN.tolist(),
        "std": STD.tolist(),
        "dtype": "float32",
    }
    return Checkpoint({"params": params, "state": state}, told | about).save(folder / "net.npz")


def scores(x, mean=MEAN, std=STD):
    x = (np.asarray(x, np.float64).reshape(len(x), -1) - mean[0]) / std[0]
    return x @ WEIGHT[:, : x.shape[1]].T.astype(np.float64) + BIAS


def check(found, x, names):
    wanted = scores(x)
    assert [p.source for p in found] == names
    for p, row in zip(found, wanted, strict=True):
        shares = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        np.testing.assert_allclose(p.values, shares, rtol=1e-3, atol=1e-6)
        first, second, _ = np.argsort(-row)
        assert (p.answer, p.second) == (CLASSES[first], CLASSES[second])
        assert p.probability == pytest.approx(shares[first], rel=1e-3)


def write(folder, name, x):
    if name.endswith(".npy"):
        np.save(folder / name, x)
    elif name.endswith(".csv"):
        np.savetxt(folder / name, x.reshape(len(x), -1), delimiter=",")
    else:  # IDX
        head = bytes([0, 0, 8, x.ndim]) + b"".join(n.to_bytes(4, "big") for n in x.shape)
        (folder / name).write_bytes(head + x.tobytes())
    return folder / name


FILES = [
    ("x.npy", PIXELS, PIXELS / 255),  # whole pixels are scaled to [0, 1], numbers are not
    ("x.npy", PIXELS.reshape(4, 2, 3), PIXELS / 255),
    ("x.npy", PIXELS / 100, PIXELS / 100),
    ("x.npy", PIXELS.astype(np.int64), PIXELS.astype(float)),
    ("one.npy", PIXELS[0], PIXELS[:1] / 255),
    ("x.csv", PIXELS / 100, PIXELS / 100),
    ("x-idx3-ubyte", PIXELS[:, 0], PIXELS / 255),
]


@pytest.mark.parametrize("name, written, read", FILES, ids=[f"{n}-{w.dtype}-{w.shape}" for n, w, _ in FILES])
def test_files_of_arrays_are_read(tmp_path, name, written, read):
    file = write(tmp_path, name, written)
    many = len(read) > 1
    check(
        module.predict(saved(tmp_path), [file]), read, [f"{file}[{k}]" if many else str(file) for k in range(len(read))]
    )


@pytest.mark.parametrize("invert", [False, True])
def test_pictures_are_scaled_and_inverted(tmp_path, invert):
    from PIL import Image

    Image.fromarray(PIXELS[0, 0]).save(tmp_path / "a.png")
    Image.fromarray(np.kron(PIXELS[1, 0], np.ones((4, 4), np.uint8))).save(tmp_path / "large.png")  # each pixel 4 x 4
    x = PIXELS[:2] / 255
    found = module.predict(saved(tmp_path), [tmp_path / "a.png", tmp_path / "large.png"], invert=invert)
    check(found, 1 - x if invert else x, [str(tmp_path / "a.png"), str(tmp_path / "large.png")])


DARK, LIGHT = np.pad(np.ones((1, 1, 4, 4)), ((0, 0), (0, 0), (2, 2), (2, 2))), np.ones((1, 1, 8, 8))
LIGHT[..., 2:6, 2:6] = 0


@pytest.mark.parametrize(
    "seen, about, inverted, told",
    [
        (
            LIGHT,
            {"background": 0.0},
            False,
            "is light (1.00 from 0, black, to 1), that of the training pictures is dark",
        ),
        (
            DARK,
            {"background": 0.9},
            False,
            "is dark (0.00 from 0, black, to 1), that of the training pictures is light",
        ),
        (LIGHT, {"background": 0.0}, True, "try again without --invert"),
        (LIGHT, {"background": 0.6}, False, ""),
        (DARK, {"background": 0.0}, False, ""),
        (LIGHT, {}, False, "try again with --invert"),  # an older checkpoint, which tells the mean alone
        (LIGHT, {"background": None}, False, "try again with --invert"),
        (LIGHT, {"mean": [0.7]}, False, ""),
        (LIGHT.reshape(1, 64), {"background": 0.0}, False, ""),
        (LIGHT, {"background": "dark"}, False, "try again with --invert"),
    ],
)
def test_another_background_is_told(seen, about, inverted, told):
    found = module.other_ground("a.png", seen, {"mean": [0.2]} | about, inverted)
    assert (told in found and found.startswith("a.png: the background")) if told else found == ""


def test_what_was_seen_is_in_the_prediction(tmp_path):
    found = module.predict(saved(tmp_path), [write(tmp_path, "x.npy", PIXELS)])
    np.testing.assert_array_equal([p.seen for p in found], (PIXELS / 255).astype(np.float32))
    assert "seen=" not in repr(found[0])


def test_pictures_in_colour(tmp_path):
    from PIL import Image

    colours = np.random.default_rng(4).integers(0, 256, (1, 2, 3), np.uint8)  # height, width, channels
    Image.fromarray(colours).save(tmp_path / "a.png")
    checkpoint = saved(tmp_path, (3, 1, 2), mean=[0.1, 0.2, 0.3], std=[1.0, 2.0, 4.0])
    x = (np.moveaxis(colours / 255, -1, 0).reshape(3, 2) - [[0.1], [0.2], [0.3]]) / [[1.0], [2.0], [4.0]]
    (found,) = module.predict(checkpoint, [tmp_path / "a.png"])
    shares = np.exp(WEIGHT @ x.ravel() + BIAS)
    np.testing.assert_allclose(found.values, shares / shares.sum(), rtol=1e-5)


def test_regression_tells_the_numbers(tmp_path):
    file = write(tmp_path, "x.csv", rng_array((2, 4), 5))
    found = module.predict(saved(tmp_path, (4,), []), [file])
    wanted = scores(rng_array((2, 4), 5))
    for p, row in zip(found, wanted, strict=True):
        np.testing.assert_allclose(p.values, row, rtol=1e-5)
        assert p.answer == ", ".join(f"{v:.6g}" for v in p.values)
        assert p.probability is p.second is None


def test_one_class_has_no_second(tmp_path):
    assert module.answer("x", [1.0], ["ant"]) == module.Prediction("x", "ant", 1.0, None, (1.0,))


def test_files_that_do_not_fit_are_named(tmp_path):
    checkpoint = saved(tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    np.save(tmp_path / "texts.npy", np.array(["a"]))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "ragged.csv").write_text("1,2\n1,2,3\n")
    for file, error, message in [
        ("gone.npy", InputError, "does not exist"),
        (".", InputError, "is not a file"),
        (write(tmp_path, "long.npy", PIXELS.reshape(3, 8)), ShapeError, r"shape \(3, 8\)"),
        (write(tmp_path, "other.npy", PIXELS.reshape(2, 12)), ShapeError, r"shape \(2, 12\)"),
        (write(tmp_path, "none.npy", PIXELS[:0]), ShapeError, r"shape \(0, 1, 2, 3\)"),
        ("text.png", InputError, "not a picture"),
        ("texts.npy", InputError, "it must be numbers"),
        ("objects.npy", InputError, "without pickle"),
        ("ragged.csv", InputError, "line 2 has 3 columns, line 1 has 2"),
    ]:
        with pytest.raises(error, match=message):
            module.predict(checkpoint, [tmp_path / file])
    with pytest.raises(InputError, match="rows of 4 numbers"):
        module.predict(saved(tmp_path, (4,)), [tmp_path / "text.png"])
    with pytest.raises(InputError, match="does not say how its samples were made"):
        module.predict(saved(tmp_path, mean="none"), [tmp_path / "other.npy"])


@pytest.mark.parametrize(
    "text, message",
    [
        ("1,2,3,\n", "line 1, column 4: '' is not a finite number"),
        ("1,2,3,4\n1,2,x,4\n", "line 2, column 3: 'x' is not a finite number"),
        ("a,b,c,d\n\n1,nan,3,4\n", "line 3, column 2: 'nan' is not a finite number"),
        ("a,b,c,d\n", "no rows of numbers"),
        ("", "is empty"),
    ],
)
def test_tables_with_gaps_have_no_answer(tmp_path, text, message):
    """NumPy's reader takes text and gaps for NaN, of which a network says something too."""
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        module.predict(saved(tmp_path, (4,)), [tmp_path / "x.csv"])


def test_the_names_of_columns_are_no_sample(tmp_path):
    for name, text in (("a.csv", "1,2,3,4\n"), ("b.csv", "w,x,y,z\n1,2,3,4\n")):
        (tmp_path / name).write_text(text)
    one, other = module.predict(saved(tmp_path, (4,), []), [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert one.values == other.values


def test_samples_that_are_not_finite_have_no_answer(tmp_path):
    bad = PIXELS.astype(float)
    bad[1].flat[2] = np.inf
    with pytest.raises(InputError, match="x.npy: sample 1 holds inf"):
        module.predict(saved(tmp_path), [write(tmp_path, "x.npy", bad)])


@pytest.mark.parametrize(
    "about", [{"mean": None}, {"std": ["much"]}, {"mean": [0.1, 0.2]}, {"sample_shape": [0]}], ids=str
)
def test_a_checkpoint_that_does_not_say_how_its_samples_were_made_is_refused(tmp_path, about):
    with pytest.raises(InputError, match="does not say how its samples were made"):
        module.predict(saved(tmp_path, **about), [write(tmp_path, "x.npy", PIXELS)])
