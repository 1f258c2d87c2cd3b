"""Formulas as MathML, written when the site is built: pages need neither a script nor a font from elsewhere."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
DISPLAYED = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def in_page(text: str) -> str:
    """The HTML of a page with the formulas that arithmatex has marked as MathML."""
    text = INLINE.sub(lambda m: mathml(html.unescape(m[1]), "inline"), text)
    return DISPLAYED.sub(lambda m: f'<div class="formula">{mathml(html.unescape(m[1]), "block")}</div>', text)


def mathml(latex: str, display: str = "inline") -> str:
    r"""One formula.

    >>> mathml("x^2").removeprefix('<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    '<mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    """
    text: str = convert(plain(latex), display=display)
    text = re.sub(r"<mo([^>]*)>&#x02223;|<mo([^>]*)>&#x0007C;", r'<mo stretchy="false">&#x0007C;', text)
    text = re.sub(r"(<mi>[a-z]{2,}</mi>)(?=<m[^o])", r'\1<mspace width="0.17em" />', text)  # ln x, not lnx
    text = re.sub(r"(</mi>|</mn>|</msup>)(?=<mi>[a-z]{2,}</mi>)", r'\1<mspace width="0.17em" />', text)  # x ln x
    wrong = re.findall(r"<m(?:i|o|text)>(\\[^<]*)<", text)
    if wrong:
        raise ValueError(f"the formula {latex} has commands that MathML lacks here: {wrong}")
    return text


def plain(latex: str) -> str:
    """The same formula in the commands that the converter knows."""
    latex = latex.replace(r"\tfrac", r"\frac").replace(r"\dfrac", r"\frac").replace(r"\mathbin", "")
    latex = re.sub(r"\\(Re|Im|arg)\b", r"\\operatorname{\1}", latex)
    latex = re.sub(r"\\operatorname\{(\w*(?:\d|\\_)(?:\w|\\_)*)\}", r"\\text{\1}", latex)  # relu6 is one name
    return latex.replace(r"\_", "_").replace(r"\lVert", r"\|").replace(r"\rVert", r"\|")
