"""What Jupyter asks a graph or a pass for."""

from __future__ import annotations

from typing import Any


class Drawable:
    """Shows itself as a picture in Jupyter; the drawing stands two floors above and is loaded when asked for."""

    def _repr_svg_(self) -> str:
        from ..draw.draw import svg

        return svg(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from ..errors import DifflabError

        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/svg+xml"] = self._repr_svg_()
        except DifflabError as error:  # too large to draw, or no Graphviz: the text still shows
            bundle["text/plain"] += f"\n({error})"
        return bundle


class Stepwise(Drawable):
    """A pass: Jupyter shows it as a page, step by step, in a frame of its own that may only run scripts."""

    def _repr_html_(self) -> str | None:
        from ..draw.draw import frame
        from ..errors import DifflabError

        try:
            return frame(self)
        except DifflabError:  # the picture or the text is shown instead
            return None
