"""Colours: the one palette of drawings, pages and plots, each role with its partner in dark mode.

The four roles of a backward pass are never told by colour alone: order and words in the equation, the weight of a wire
and its arrowhead say them too, because violet and blue are alike to some eyes.
"""

ROLES = {
    "ink": ("#1d2330", "#e8eaf0"),
    "value": ("#0b6e4f", "#5fd0a5"),  # what flows forward
    "upstream": ("#b4540a", "#ffb066"),  # the adjoint that the sender has
    "local": ("#7a4fbf", "#c9a7ff"),  # the local derivative
    "downstream": ("#0a5cb4", "#7db8ff"),  # what the receiver gets
    "wrong": ("#b3134a", "#ff8fb0"),  # what needs attention
    "edge": ("#6b7280", "#9aa3b2"),  # outlines, wires, numbers of axes
    "quiet": ("#4d5661", "#b4bdc7"),  # notes
    "soft": ("#d9dce1", "#3a4252"),  # lines of tables and cards, dead branches
    "paper": ("#fff", "#14171d"),
    "panel": ("#fcfcfa", "#1c2027"),
    "pale": ("#9dbfe3", "#3f6389"),  # wires that have been gone back
    "thin": ("#5b9c84", "#4a8a77"),  # wires on the way forward
    "input": ("#eff5fc", "#1d3347"),
    "node": ("#ffffff", "#22272e"),
    "constant": ("#f5f5f3", "#2f343b"),
    "block": ("#faf4fb", "#3a2b40"),
    "mark": ("#fff8de", "#4d3f0a"),
    "positive": ("#dfb21e", "#7a6200"),  # heat maps: gold and teal, which no role of a pass has
    "negative": ("#4fb7c9", "#0f6672"),
    "zero": ("#fbfbf9", "#20242b"),
    "cell": ("#b9bec6", "#4a5260"),
}
# Drawings are pictures in texts and have no ground of their own, nor heat maps.
OF_PAGES = ("paper", "panel", "positive", "negative", "zero", "cell")
LIGHT_TO_DARK = dict(pair for role, pair in ROLES.items() if role not in OF_PAGES)
INK, FORWARD, BACKWARD, LOCAL, DOWNSTREAM, WRONG, WIRE, QUIET, DEAD = (
    ROLES[r][0] for r in ("ink", "value", "upstream", "local", "downstream", "wrong", "edge", "quiet", "soft")
)
PALE, THIN, INPUT, OPERATION, CONSTANT, BLOCK, MARK = (
    ROLES[r][0] for r in ("pale", "thin", "input", "node", "constant", "block", "mark")
)
# For lines that are no roles, such as one for each method: as different as can be, also to the colour-blind.
SERIES = (DOWNSTREAM, BACKWARD, FORWARD, "#cc79a7", "#e69f00", "#56b4e9", WIRE, INK)


def dark(partners: dict[str, str]) -> str:
    """The rules by which a drawing's colours have their partners in dark mode.

    A drawing that is opened alone, or an <img>, is a document of its own and gets a dark ground: what is around it may
    be white.

    >>> dark({"#000": "#eee"})[:80]
    '@media (prefers-color-scheme: dark){svg:root{background:#14171d}[fill="#000"]{fi'
    """
    rules = "".join(f'[fill="{a}"]{{fill:{b}}}[stroke="{a}"]{{stroke:{b}}}' for a, b in partners.items())
    return f"@media (prefers-color-scheme: dark){{svg:root{{background:{ROLES['paper'][1]}}}{rules}}}"


def variables() -> str:
    """The palette as CSS: `--ink` and so on, light and dark.

    >>> ":root{--ink:#1d2330;" in variables() and "dark){:root{--ink:#e8eaf0;" in variables()
    True
    """
    light, dark = ("".join(f"--{role}:{pair[k]};" for role, pair in ROLES.items()) for k in (0, 1))
    return f":root{{{light}}}@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}"
