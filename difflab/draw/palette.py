"""Colours: Okabe and Ito's colour-blind safe palette, darkened for text, with a dark-mode partner each."""

LIGHT_TO_DARK = {
    "#1b1f24": "#e8e8e8",  # ink
    "#00664f": "#4fd1ae",  # forward values (bluish green)
    "#a63c00": "#ff9d5c",  # backward values (vermillion)
    "#7a4fbf": "#c9a7ff",  # local derivatives (purple)
    "#0a5cb4": "#7db8ff",  # what flows downstream (blue)
    "#5b6470": "#9aa5b1",  # wires
    "#e6f0fa": "#1d3347",  # inputs (sky blue)
    "#ffffff": "#22272e",  # operations
    "#f1f1ef": "#2f343b",  # constants
    "#f6eef8": "#3a2b40",  # blocks (reddish purple)
    "#fff3c4": "#4d3f0a",  # marks (yellow)
    "#d9dde2": "#4a525c",  # dead branches
}
INK, FORWARD, BACKWARD, LOCAL, DOWNSTREAM, WIRE, INPUT, OPERATION, CONSTANT, BLOCK, MARK, DEAD = LIGHT_TO_DARK
