"""Plots for a page in both of its schemes: a figure is drawn once, and coloured again for the dark."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..palette import DEAD, INK, QUIET, ROLES, WIRE
from ..types import Value
from .plots import ink

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

DPI = 110
SMALLEST = 0.9  # scale of a picture: letters of 8 points stay above 11 pixels
GROUND, DARK_GROUND = ROLES["panel"]
HOUSE: Value = {
    "figure.facecolor": GROUND, "axes.facecolor": GROUND, "legend.edgecolor": DEAD, "text.color": INK,
    "axes.labelcolor": INK, "axes.edgecolor": WIRE, "xtick.color": WIRE, "ytick.color": WIRE,
}  # fmt: skip
COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")  # what artists may have
NO_COLOUR = ("none", "face", "auto")
WHITE = (255, 255, 255)
PALE = 0.9  # a map of colours whose 0 is lighter than this in all three is as white as paper


def pictured(draw: Callable[[], Figure | None], alt: str) -> str:
    """An HTML figure with two PNGs of what `draw` makes, of which a browser shows that of its scheme; "" of None."""
    import matplotlib

    with matplotlib.rc_context(HOUSE):
        made = draw()
    if made is None:
        return ""
    light = address(png(made))
    with matplotlib.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        made.set_layout_engine(None)  # laid out once more, axes of a fixed aspect would drift out of the picture
    darken(made)
    dark = f'<source media="screen and (prefers-color-scheme: dark)" srcset="{address(png(made))}">'
    least = f"--least: {made.get_figwidth() * DPI * SMALLEST:.0f}px"  # where it would be smaller, it is scrolled
    image = f'<img alt="{html.escape(alt)}" style="{least}" src="{light}">'
    return f'<figure class="scroll" tabindex="0"><picture>{dark}{image}</picture></figure>'


def address(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def png(made: Figure) -> bytes:
    """The figure in at most 256 colours: two of them take no more room than one in all colours."""
    from PIL import Image

    buffer, small = io.BytesIO(), io.BytesIO()
    made.savefig(buffer, format="png", dpi=DPI)
    with Image.open(buffer) as image:
        image.convert("RGB").quantize(256).save(small, format="png", optimize=True)
    return small.getvalue()


def darken(made: Figure) -> None:
    """Colours a figure again: roles get their dark partners, and maps that are white at 0 become dark there.

    Two stay: white, the colour of numbers on dark cells, and the grey of walls, which are neither paper nor ink.
    """
    from matplotlib.text import Text

    partners = {bytes_of(light): rgb(dark) for light, dark in ROLES.values()}
    on_white = {**partners, WHITE: rgb(DARK_GROUND)}
    del partners[WHITE], partners[bytes_of(QUIET)]
    for axes in made.axes:
        turn_maps(axes)
    for artist in made.findobj():
        recolour(artist, partners)
        if isinstance(artist, Text) and (ground := artist.get_bbox_patch()):
            recolour(ground, on_white)


def rgb(colour: Value) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def bytes_of(colour: Value) -> tuple[int, int, int]:
    """What a colour is known by: matplotlib has many ways to write one."""
    red, green, blue = (round(255 * part) for part in rgb(colour))
    return red, green, blue


def recolour(artist: Artist, partners: dict[tuple[int, int, int], tuple[float, float, float]]) -> None:
    """Exchanges the colours of an artist that have a partner, and leaves how transparent they are."""
    from matplotlib.colors import to_rgba_array

    for name in COLOURED:
        get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
        if get is None or put is None:
            continue
        colour = get()
        if isinstance(colour, str) and colour in NO_COLOUR:
            continue
        rows = to_rgba_array(colour)
        keys = [bytes_of(row[:3]) for row in rows]
        if not any(key in partners for key in keys):
            continue
        dark = [(*partners.get(key, row[:3]), row[3]) for key, row in zip(keys, rows)]
        put(dark if np.ndim(colour) == 2 else dark[0])


def turn_maps(axes: Axes) -> None:
    """Heat maps on white become heat maps on the dark ground; what is written and drawn on them changes as well."""
    maps = [drawn for drawn in (*axes.images, *axes.collections) if drawn.get_array() is not None]
    pale = [drawn for drawn in maps if is_pale(drawn.cmap)]
    for drawn in pale:
        drawn.set_cmap(turned_map(drawn.cmap))
    if not pale:
        return
    shown: Value = pale[-1].get_array()
    cells = pale[-1].to_rgba(shown)
    for text in axes.texts:
        if rgb(text.get_color()) in (rgb("black"), rgb("white")):
            column, row = (round(float(place)) for place in text.get_position())
            text.set_color(ink(cells[row, column]))
    for drawn in axes.collections:
        if drawn.get_array() is None:
            drawn.set_facecolor([turned(colour) for colour in np.atleast_2d(drawn.get_facecolor())])


def is_pale(colours: Colormap) -> bool:
    """Whether a map is white where nothing is: at its start, or in its middle."""
    return any(min(colours(at)[:3]) > PALE for at in (0.0, 0.5))


def turned_map(colours: Colormap) -> Colormap:
    from matplotlib.colors import ListedColormap

    shades = [turned(colours(k)) for k in range(colours.N)]
    bad: Value = colours.get_bad()
    return ListedColormap(shades, name=f"{colours.name}, turned").with_extremes(bad=bad)


def turned(colour: Value) -> tuple[float, float, float, float]:
    """A colour with its lightness turned over: white becomes as dark as the ground, black white, the hue stays.

    >>> turned((0.0, 0.0, 0.0, 0.5))
    (1.0, 1.0, 1.0, 0.5)
    >>> [round(part, 2) for part in turned((1.0, 0.9, 0.8, 1.0))]
    [0.32, 0.22, 0.12, 1.0]
    """
    away = 1 - (2 - lightness(rgb(DARK_GROUND))) * lightness(colour)
    red, green, blue = (min(max(part + away, 0.0), 1.0) for part in colour[:3])
    return red, green, blue, colour[3]


def lightness(colour: Value) -> float:
    return float(max(colour[:3]) + min(colour[:3])) / 2
