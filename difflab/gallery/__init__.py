"""The gallery: the course's figures and more, each by a few lines.

One file holds the figures of one chapter. Every function there makes one picture; its docstring is the sentence that
stands beside it in graphs/README.md, and its source is shown there too.
"""

from . import chapter_2, chapter_3, chapter_4, chapter_8, more
from .registry import FIGURES, Figure
from .write import write_gallery

__all__ = ["FIGURES", "Figure", "chapter_2", "chapter_3", "chapter_4", "chapter_8", "more", "write_gallery"]
