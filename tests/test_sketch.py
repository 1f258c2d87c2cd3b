"""Sketches: right numbers, text that fits its cells, safe SVG, odd shapes drawn or refused by name, motion."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import hypothesis.strategies as st
import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import ImageFont

import difflab as dl
from difflab import nn, palette, sketch
from difflab.draw.svg import ATTRIBUTES, TAGS
from difflab.gallery import chapter_4
from difflab.gallery.registry import FIGURES
from difflab.sketch import colours, words
from difflab.sketch.items import Grid

F = nn.functional
SVG = "{http://www.w3.org/2000/svg}"
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(-3, 9, (5, 6))
ODD = np.array([[np.nan, 1e300, -np.inf], [-1.7e308, 0.0, np.inf], [1e-300, -12345.678, 0.1]])


def texts(made):
    return [e.text for e in ET.fromstring(made.svg).iter(f"{SVG}text")]


# What is drawn: each of these once, odd shapes and numbers among them.
DRAWN = {
    "grid": lambda: sketch.grid(IMAGE, "A", window=(1, 2, 3, 3)),
    "a vector": lambda: sketch.grid(np.arange(12) * 1111.5),
    "no numbers": lambda: sketch.grid(ODD),
    "many pixels": lambda: sketch.grid(RNG.normal(size=(96, 96))),
    "a row of pixels": lambda: sketch.grid(np.arange(96)),
    "1 x 1": lambda: sketch.convolution([[3]], [[2]]),
    "1 x 1, padded": lambda: sketch.convolution([[3]], np.ones((3, 3)), padding=1),
    "stride over kernel": lambda: sketch.convolution(IMAGE, np.ones((2, 2)), stride=4, at=(0, 1)),
    "stride over image": lambda: sketch.convolution(IMAGE, np.ones((2, 2)), stride=50),
    "huge": lambda: sketch.convolution(ODD, [[1, -1], [1e300, 2]], animate=True),
    "30 x 30": lambda: sketch.convolution(RNG.normal(size=(30, 30)), RNG.normal(size=(3, 3)), at=(5, 7)),
    "a large kernel": lambda: sketch.convolution(RNG.normal(size=(30, 30)), RNG.normal(size=(11, 11)), padding=2),
    "3 channels": lambda: sketch.convolution(RNG.integers(-3, 4, (3, 5, 5)), RNG.integers(-1, 2, (3, 3, 3)), at=(1, 2)),
    "one wide, one high": lambda: sketch.convolution(IMAGE, np.ones((1, 3)), stride=(2, 1), padding=(0, 1)),
    "pooling": lambda: sketch.pooling(IMAGE, 2, at=(1, 2)),
    "average": lambda: sketch.pooling(IMAGE, 2, 1, "average", at=(1, 2), animate=True),
    "rounded up": lambda: sketch.pooling(IMAGE, 2, at=(2, 2), ceil_mode=True),
    "pooling of NaN": lambda: sketch.pooling(ODD, 2, 1),
    "stride over window": lambda: sketch.pooling(RNG.normal(size=(30, 30)), 3, 5, at=(1, 1)),
    "flatten": lambda: sketch.flatten(IMAGE),
    "flatten 1 x 1": lambda: sketch.flatten([[1]]),
    "flatten NaN": lambda: sketch.flatten(ODD),
    "flatten channels": lambda: sketch.flatten(RNG.integers(0, 9, (3, 2, 2))),
    "flatten 30 x 30": lambda: sketch.flatten(RNG.normal(size=(30, 30))),
    "flatten a column": lambda: sketch.flatten(np.arange(5)[:, None]),
    "dense": lambda: sketch.dense(784, 100, at=50),
    "dense, one": lambda: sketch.dense(1, 1),
    "dense, a million": lambda: sketch.dense(10**6, 10**6),
    "dense with numbers": lambda: sketch.dense(ODD[0], 2, ODD[:2], ODD[2][:2]),
    "dense with many": lambda: sketch.dense(np.arange(30), 20, np.ones((20, 30)), at=7),
    "padded": lambda: sketch.padded(IMAGE, 2, "reflect"),
    "padded with zeros": lambda: sketch.padded([[1]], 3),
    "padded 30 x 30": lambda: sketch.padded(RNG.normal(size=(30, 30)), 2),
    "padded huge": lambda: sketch.padded(ODD, 1, "edge"),
    "volumes": lambda: sketch.volumes([(512, 7, 7), (16, 100), (4096,)], ["</text><script>x</script> & more", ""]),
    "large volumes": lambda: sketch.volumes([(10**9, 10**6, 10**6)] * 3),
    "a unit": lambda: sketch.volumes([(1, 1, 1)]),
    "layers": lambda: sketch.layers(nn.models.lenet5(), (1, 28, 28)),
    "layers in one dimension": lambda: sketch.layers(nn.Sequential(nn.Conv1d(3, 5, 3), nn.MaxPool1d(2)), (3, 20)),
    "an mlp": lambda: sketch.layers(nn.models.mlp((4, 3, 2)), (4,)),
    "odd layers": lambda: sketch.layers(
        nn.Sequential(nn.Conv2d(2, 4, (3, 1), (2, 1), (1, 0)), nn.BatchNorm2d(4), nn.AvgPool2d(3, 2, ceil_mode=True)),
        (2, 9, 8),
    ),
    "bank": lambda: sketch.bank(RNG.normal(size=(30, 40)), RNG.normal(size=(12, 3, 3))),
    "bank of one": lambda: sketch.bank([[1]], [[[2]]]),
    "bank of odd": lambda: sketch.bank(ODD, {"<b>" + "long " * 20: ODD, "flat": np.ones((1, 3)), "large": ODD[:, :2]}),
    "strides": lambda: sketch.strides(7, 3, (1, 2)),
    "strides, 4": lambda: sketch.strides(12, 1, (1, 2, 3, 4)),
    "strides over": lambda: sketch.strides(5, 3, 7, 1, ceil_mode=True),
    "field": lambda: sketch.receptive_field((3, 3), size=7),
    "field with strides": lambda: sketch.receptive_field((3, 2, 2), (2, 1, 1)),
    "field of 1": lambda: sketch.receptive_field((1, 1, 1)),
    "norms": sketch.normalisations,
    "norms of many": lambda: sketch.normalisations(4, 6, 3),
    "norms of one": lambda: sketch.normalisations(1, 1, 1),
    "beside": lambda: sketch.beside(sketch.grid([[1]]), sketch.pooling(IMAGE, animate=True)),
    "below": lambda: sketch.below(sketch.grid([[1]]), sketch.grid([[2]])),
    **{name: FIGURES[name].make for name in FIGURES if FIGURES[name].make.__module__ == chapter_4.__name__},
}


@pytest.fixture(scope="module")
def drawn():
    return {name: make() for name, make in DRAWN.items()}


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_safe_described_readable_and_within_its_frame(drawn, name):
    made = drawn[name]
    root = ET.fromstring(made.svg)
    left, top, wide, high = map(float, root.get("viewBox").split())
    assert root.get("role") == "img" and root.find(f"{SVG}title").text and made.title
    assert "prefers-color-scheme: dark" in root.find(f"{SVG}style").text
    assert wide <= 1000
    for element, (dx, dy) in placed(root):
        assert element.tag.removeprefix(SVG) in TAGS
        assert set(element.attrib) <= ATTRIBUTES | {"role", "opacity"}
        assert not re.search(r"url\(|script|@import|\bnan|\binf", str(element.attrib))
        if element.tag == f"{SVG}text":
            size, x, y = (float(element.get(k)) for k in ("font-size", "x", "y"))
            assert size >= words.NOTE and element.text.strip()
            room = words.width(element.text, size, element.get("font-weight") == "bold")
            start = x + dx - {"middle": room / 2, "end": room}.get(element.get("text-anchor"), 0.0)
            assert left <= start and start + room <= left + wide + 0.1
            assert top <= y + dy - size and y + dy <= top + high


def placed(element, at=(0.0, 0.0)):
    """Every element with how far the groups around it are moved."""
    found = re.findall(r"-?[\d.]+", element.get("transform", "0 0"))
    at = at[0] + float(found[0]), at[1] + float(found[1])
    yield element, at
    for child in element:
        yield from placed(child, at)


def test_every_figure_of_chapter_4_has_its_number():
    found = {f.number: name for name, f in FIGURES.items() if f.make.__module__ == chapter_4.__name__}
    assert list(found) == [f"4.{k}" for k in range(1, 15)]
    assert all(name.startswith(number.replace(".", "-") + "-") for number, name in found.items())


numbers = st.floats(width=64) | st.integers(-(10**6), 10**6) | st.sampled_from([np.nan, np.inf, -0.0, 1e-5, 99999.5])


@given(st.lists(numbers, min_size=1, max_size=12), st.sampled_from([1, 2, 3]))
@settings(max_examples=80, deadline=None)
def test_numbers_fit_their_cells(values, rows):
    grid = Grid(np.array([values] * rows))
    assert all(words.width(t, grid.size) <= grid.cell - 2 for t in grid.texts) and grid.size >= words.NOTE


def test_widths_are_no_smaller_than_those_of_the_widest_font():
    folder = os.path.join(matplotlib.get_data_path(), "fonts", "ttf")
    regular, bold = (ImageFont.truetype(os.path.join(folder, f"DejaVuSans{k}.ttf"), 1000) for k in ("", "-Bold"))
    shown = [chr(k) for k in range(32, 127)] + list("×·…⋮⌊⌋⌈⌉∞≈∗°")
    for character in shown:
        assert regular.getlength(character) <= 1000 * words.width(character, 1.0) + 1, character
        assert bold.getlength(character) <= 1000 * words.width(character, 1.0, bold=True) + 1, character


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_on_every_fill_has_a_contrast_of_4_5_in_light_and_dark():
    written = {palette.ROLES[r][0] for r in "ink value upstream local downstream wrong edge quiet thin".split()}
    for fill in {*colours.THEME, *(colours.grey(k / 100, 0.0, 1.0) for k in range(101))} - written:
        tone = colours.ink_on(fill)
        assert contrast(fill, tone) >= 4.5, fill
        assert contrast(colours.THEME.get(fill, fill), colours.THEME.get(tone, tone)) >= 4.5, fill


def test_a_convolution_shows_what_conv2d_computes():
    kernel = np.array([[1, 0], [-2, 3]])
    made = sketch.convolution(IMAGE, kernel, stride=(2, 1), padding=1, at=(1, 4))
    y = F.conv2d(IMAGE[None, None] * 1.0, kernel[None, None] * 1.0, stride=(2, 1), padding=1)[0, 0]
    window = np.pad(IMAGE, 1)[2:4, 4:6]
    terms = " + ".join(f"{words.signed(a)}·{words.signed(b)}" for a, b in zip(window.ravel(), kernel.ravel()))
    assert f"output[1, 4] = {terms} = {y[1, 4]:.0f}" in made.description
    assert made.title == f"A 2 × 2 kernel on a 5 × 6 image: {y[1, 4]:.0f} at (1, 4)"
    shown = texts(made)
    expected = [*np.pad(IMAGE, 1).ravel(), *kernel.ravel(), *(window * kernel).ravel(), *y.ravel()]
    digits = [t for t in shown if re.fullmatch(r"-?\d+", t)]
    assert digits == [f"{v:.0f}" if v else "0" for v in expected]


def test_channels_are_added():
    x, k = RNG.integers(-3, 4, (2, 4, 4)), RNG.integers(-2, 3, (2, 3, 3))
    y = F.conv2d(x[None] * 1.0, k[None] * 1.0)[0, 0]
    last = [t for t in texts(sketch.convolution(x, k, at=(1, 0))) if t.startswith("output[")]
    assert last[0].endswith(f"= {y[1, 0]:.0f}") and last[0].count("+") == 1


@pytest.mark.parametrize("kind, pool", [("max", F.max_pool2d), ("average", F.avg_pool2d)])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_shows_what_the_library_computes(kind, pool, ceil_mode):
    y = pool(IMAGE[None, None] * 1.0, (2, 3), (1, 2), ceil_mode=ceil_mode)[0, 0]
    for at in np.ndindex(y.shape):
        made = sketch.pooling(IMAGE, (2, 3), (1, 2), kind, at, ceil_mode=ceil_mode)
        assert f": {words.number(float(y[at]))} at ({at[0]}, {at[1]})" in made.title
        told = re.search(r"output\[\d, \d\] = (.*?) [=≈]", made.description)[1]
        assert np.isclose(eval(told, {"max": max}), y[at])  # the work that is shown gives the number
    assert sketch.pooling(IMAGE, 2, kind=kind).svg.count("<ellipse") == (kind == "max")


@pytest.mark.parametrize("size, kernel, stride, padding", [(7, 3, 2, 0), (6, 3, 2, 1), (5, 2, 3, 1), (9, 4, 3, 0)])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_strides_stop_where_pooling_does(size, kernel, stride, padding, ceil_mode):
    x = np.zeros((1, 1, size, size))
    n = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil_mode).shape[-1]
    made = sketch.strides(size, kernel, stride, padding, ceil_mode=ceil_mode)
    assert made.title.endswith(f"stride {stride} gives {n} × {n}")
    assert texts(made).count(str(n * n)) == 2  # the last place, on the image and in the output


@pytest.mark.parametrize("kernels, strides", [((3, 3), (1, 1)), ((3, 2, 2), (2, 1, 1)), ((5,), (3,)), ((2, 2), (2, 2))])
def test_the_receptive_field_is_the_networks(kernels, strides):
    model = nn.Sequential(*(nn.Conv2d(1, 1, k, s, bias=False) for k, s in zip(kernels, strides)))
    field = nn.receptive_field(model)[0]
    made = sketch.receptive_field(kernels, strides)
    assert f": {field} × {field}, then" in made.title
    params, state = model.init(0)
    ones = {name: {key: np.ones_like(p) for key, p in own.items()} for name, own in params.items()}
    run = lambda x: model.apply(ones, state, x, training=False)[0][0, 0, 0, 0]
    ways = dl.grad(run)(np.zeros((1, 1, field, field)))[0, 0]
    shown = [t for t in texts(made) if t.isdigit()]
    assert shown[: np.count_nonzero(ways)] == [f"{v:.0f}" for v in ways.ravel() if v]


def test_norms_share_what_the_library_shares():
    from difflab.sketch.norms import groups

    x = RNG.normal(size=(3, 2, 4))
    runs = {
        "batch": lambda x: F.batch_norm(x, None, None, training=True),
        "layer": lambda x: F.layer_norm(x, x.shape[1:]),
        "instance": lambda x: F.instance_norm(x),
    }
    for kind, run in runs.items():
        found = groups(kind, *x.shape)
        for place in [(0, 0, 0), (2, 1, 3)]:
            seen = dl.grad(lambda x, run=run, place=place: run(x)[place])(x) != 0
            assert np.array_equal(seen, found == found[place]), kind


def test_a_dense_layer_computes_its_outputs():
    x, W, b = np.array([1.0, 2.0, -1.5]), RNG.normal(size=(2, 3)).round(1), np.array([0.5, -1.0])
    made = sketch.dense(x, 2, W, b, at=1)
    assert words.number(float((W @ x + b)[1])) in texts(made)
    assert np.isclose(eval(re.search(r"y\[1\] = (.*?) [=≈]", made.description)[1].replace("·", "*")), (W @ x + b)[1])


def test_flatten_keeps_order_and_greys():
    made = sketch.flatten(IMAGE[:2, :3])
    digits = [t for t in texts(made) if re.fullmatch(r"-?\d+", t)]
    assert digits == [str(v) for v in IMAGE[:2, :3].ravel()] * 2
    paths = re.findall(r'<path d="([^"]*)" fill="(#[0-9a-f]{6})"', made.svg)
    count = {fill: sum(d.count("M") for d, f in paths if f == fill) for _, fill in paths}
    assert all(n % 2 == 0 for n in count.values() if n != 1)  # each grey as often above as below


def test_layers_are_those_of_the_summary():
    model = nn.models.lenet5()
    made = sketch.layers(model, (1, 28, 28))
    shapes = [(1, 28, 28)]
    for row in nn.summary(model, (1, 28, 28)).rows:
        shapes += [row.shape] if row.shape != shapes[-1] or row.parameters else []
    assert made.title == ", then ".join(words.times(s) for s in shapes)
    assert {"6 kernels", "1 × 5 × 5", "flatten", "dense", "ReLU", "400"} <= set(texts(made))


ONES = np.ones((5, 5))
REFUSED = {
    "kernel of 3 × 3 is larger": lambda: sketch.convolution(np.ones((2, 2)), np.ones((3, 3))),
    r"convolution: the kernel of 5 × 5 .* padding=\(1, 1\)": lambda: sketch.convolution(
        [[1, 2]] * 2, np.ones((5, 5)), 1, 1
    ),
    "at most 64 positions": lambda: sketch.convolution(np.ones((30, 30)), np.ones((3, 3)), animate=True),
    "64 channels": lambda: sketch.convolution(np.ones((64, 5, 5)), np.ones((64, 3, 3))),
    "2 channels, kernel 3": lambda: sketch.convolution(np.ones((2, 5, 5)), np.ones((3, 3, 3))),
    r"at=\(3, 0\)": lambda: sketch.convolution(ONES, np.ones((3, 3)), at=(3, 0)),
    "at=7": lambda: sketch.convolution(ONES, np.ones((3, 3)), at=7),
    "stride=0": lambda: sketch.convolution(ONES, np.ones((3, 3)), stride=0),
    r"padding=\(1, 2, 3\)": lambda: sketch.convolution(ONES, np.ones((3, 3)), padding=(1, 2, 3)),
    "complex": lambda: sketch.grid([[1j]]),
    "different lengths": lambda: sketch.grid([[1], [1, 2]]),
    "empty": lambda: sketch.grid(np.zeros((0, 3))),
    r"shape \(2, 2, 2\)": lambda: sketch.grid(np.zeros((2, 2, 2))),
    "<U3": lambda: sketch.grid("abc"),
    "at most 96": lambda: sketch.grid(np.zeros((300, 3))),
    "show_numbers": lambda: sketch.grid(np.zeros((20, 20)), show_numbers=True),
    r"window=\(4, 4, 2, 2\)": lambda: sketch.grid(ONES, window=(4, 4, 2, 2)),
    "window=3": lambda: sketch.grid(ONES, window=3),
    "kind='min'": lambda: sketch.pooling(ONES, 2, kind="min"),
    "window of 6 × 6": lambda: sketch.pooling(ONES, 6),
    "inputs=0": lambda: sketch.dense(0, 3),
    r"weights have shape \(2, 3\)": lambda: sketch.dense([1, 2], 3, np.ones((2, 3))),
    r"bias has shape \(3,\)": lambda: sketch.dense([1, 2], 2, np.ones((2, 2)), np.ones(3)),
    "weights=None": lambda: sketch.dense([1, 2], 2),
    "at=3": lambda: sketch.dense(3, 3, at=3),
    "mode='foo'": lambda: sketch.padded(ONES, 1, "foo"),
    "larger than 2 × 2": lambda: sketch.padded([[1, 2], [3, 4]], 2, "reflect"),
    "4 axes": lambda: sketch.volumes([(1, 2, 3, 4)]),
    "size=-2": lambda: sketch.volumes([(1, -2, 3)]),
    "2 words for 1 arrows": lambda: sketch.volumes([(1,), (2,)], ["a", "b"]),
    "list of 1 to": lambda: sketch.volumes([]),
    "int is no layer": lambda: sketch.layers(3, (1, 2)),
    "kernels=3": lambda: sketch.bank(ONES, 3),
    "'kernel 0' of 6 × 6": lambda: sketch.bank(ONES, np.ones((1, 6, 6))),
    "0 kernels": lambda: sketch.bank(ONES, []),
    "window of 4 × 4": lambda: sketch.strides(3, 4),
    "from one to four": lambda: sketch.strides(3, 2, ()),
    "13 × 13": lambda: sketch.receptive_field((7, 7)),
    "kernels=3;": lambda: sketch.receptive_field(3),
    "1 kernels and 2 strides": lambda: sketch.receptive_field((3,), (1, 2)),
    "between='conv'": lambda: sketch.volumes([(1,), (2,)], "conv"),
    "kinds=3": lambda: sketch.normalisations(kinds=3),
    "26 letters": lambda: sketch.normalisations(8, 8, 8),
    "kinds=": lambda: sketch.normalisations(kinds=("foo",)),
    "str is no sketch": lambda: sketch.beside("a"),
    "nothing to draw": lambda: sketch.below(),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_cannot_be_drawn_is_refused_by_name(told):
    with pytest.raises(dl.DifflabError, match=told):
        REFUSED[told]()


def test_windows_move_only_where_motion_is_welcome():
    made = sketch.convolution(IMAGE, np.ones((2, 2)), at=(1, 1), animate=True)
    style = ET.fromstring(made.svg).find(f"{SVG}style").text
    frames = 4 * 5
    moving = re.findall(r"\.([\w-]+)\{animation:", style)
    calm = style.index("prefers-reduced-motion: no-preference")
    assert all(style.index(f".{name}{{animation:") > calm for name in moving)
    assert len(moving) == frames + 2  # a frame each, and the windows on the image and in the output
    groups = [e for e in ET.fromstring(made.svg).iter(f"{SVG}g") if e.get("class")]
    still = [e for e in groups if e.get("opacity") is None]
    assert len(groups) == 2 * frames and len(still) == 2  # products and sentence of the place asked for
    assert "".join(still[1].itertext()).strip().startswith("output[1, 1]")
    assert "animation" not in sketch.convolution(IMAGE, np.ones((2, 2))).svg
    other = sketch.convolution(IMAGE + 1, np.ones((2, 2)), animate=True)
    assert not set(moving) & set(re.findall(r"\.([\w-]+)\{animation:", other.svg))  # two on a page do not meet


def test_each_frame_is_seen_once_and_one_at_a_time():
    from difflab.sketch.motion import Motion

    motion = Motion(5, b"")
    for k in range(5):
        motion.shows(k)
    spans = []
    for rule in motion.rules:
        steps = [(float(t), int(o)) for t, o in re.findall(r"([\d.]+)%\{opacity:(\d)\}", rule)]
        on = [t for t, o in steps if o]
        off = [t for t, o in steps if not o and t > on[0]]
        spans.append((on[0], off[0] if off else 100.0))
    assert spans[0][0] == 0 and spans[-1][1] == 100
    assert all(a[1] == pytest.approx(b[0], abs=0.02) for a, b in pairwise(spans))


def test_sketches_are_saved_as_svg_and_nothing_else(tmp_path):
    made = sketch.grid([[1, 2]])
    path = made.save(tmp_path / "a.svg")
    assert path.read_text() == made.svg == made._repr_svg_()
    with pytest.raises(dl.DifflabError, match="force"):
        made.save(path)
    for bad in ("a.png", "a"):
        with pytest.raises(dl.DifflabError, match=r"written as \.svg"):
            made.save(tmp_path / bad)
    with pytest.raises(dl.DifflabError, match="name of a file"):
        made.save(3)
    assert dl.draw(made, tmp_path / "b.svg").read_text() == made.svg
    with pytest.raises(dl.DifflabError, match=r"written as \.svg"):
        dl.draw(made, tmp_path / "b.png")
    link = tmp_path / "link.svg"
    link.symlink_to(tmp_path / "elsewhere.svg")
    with pytest.raises(dl.DifflabError, match="link"):
        made.save(link, force=True)
