"""How wide text is, and numbers written so that they fit.

The reader's system chooses the font. Widths are those of DejaVu Sans, the widest of the family that pictures name, so
what fits here fits in Helvetica and Arial.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..draw.text import number

OPERATION, EQUATION, NUMBER, NAME, NOTE = 26.0, 19.0, 17.0, 15.0, 12.5  # sizes of type; nothing is smaller than a note
WIDTHS = {  # of characters, in units of the size, rounded up
    0.25: "′", 0.3: "'IJijl", 0.35: " \u00a0,./:;\\|·", 0.4: "()-[]ft⌊⌋", 0.45: "!r²", 0.5: '"*_`‖', 0.55: "?csz∂",
    0.6: "FLkvxy•", 0.65: "$0123456789EPSTYabdeghnopqu{}Σ", 0.7: "ABCKRVXZ", 0.75: "NU", 0.8: "&DGHOQ",
    0.85: "#+<=>^w~×−→∞∗≤≥⊙↵", 0.9: "M",
}  # fmt: skip
WIDTH_OF = {character: width for width, characters in WIDTHS.items() for character in characters}
UNKNOWN = 1.05
BOLD = 1.27  # bold letters against regular ones, at most
STEPS = ((3, NUMBER), (3, NAME), (3, NOTE), (2, NOTE), (1, NOTE))  # digits and size of type, from the best on


def width(text: str, size: float, bold: bool = False) -> float:
    """At most how wide the text is, in the units of the size.

    >>> width("-12", 10.0)
    17.0
    """
    return sum(WIDTH_OF.get(c, UNKNOWN) for c in text) * size * (BOLD if bold else 1.0)


def fitted(values: Iterable[float], room: float) -> tuple[list[str], float]:
    """The numbers as texts of one size that are no wider than the room where that is possible, with up to 3 digits.

    >>> fitted([1.0, -0.125], 50.0)
    (['1', '-0.125'], 12.5)
    """
    values = list(values)
    for digits, size in STEPS:
        texts = [number(v, digits) for v in values]
        if max((width(t, size) for t in texts), default=0.0) <= room:
            break
    return texts, size


def wrapped(text: str, size: float, room: float) -> list[str]:
    """Lines of whole words; a word longer than the room stands alone, and what no-break spaces join is one word."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def signed(x: float) -> str:
    """A number as a factor: negative ones in parentheses."""
    text = number(x)
    return f"({text})" if text.startswith("-") else text


def times(sizes: Iterable[int]) -> str:
    """
    >>> times((6, 28, 28))
    '6 × 28 × 28'
    """
    return " × ".join(f"{n:,}" for n in sizes)


def counted(n: int, what: str, several: str = "s") -> str:
    """
    >>> counted(1, "bias", "es"), counted(1200, "weight")
    ('1 bias', '1,200 weights')
    """
    return f"{n:,} {what}{several * (n != 1)}"


def joined(text: str) -> str:
    """The text as one word for `wrapped`."""
    return text.replace(" ", "\u00a0")


def decimals(x: float) -> str:
    """A coordinate: two decimals at most."""
    text = f"{x:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") or not math.isfinite(x) else text
