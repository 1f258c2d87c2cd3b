"""The pages that the guides embed, each one file beside its guide: passes of the gallery, the network that learns."""

from __future__ import annotations

from difflab.draw.page import page_of
from difflab.gallery import chapter_2, more
from difflab.lab.learning import learning_page

PAGES = {
    "sigmoid-neuron": (chapter_2.sigmoid_block_open, "A neuron with a sigmoid"),
    "value-used-twice": (more.a_value_used_twice, "A value used twice"),
    "kink": (more.a_kink, "A kink"),
    "lenet-5": (more.lenet_5, "LeNet-5"),
}


def pages() -> dict[str, str]:
    """HTML by address: the passes, and the network that learns."""
    made = {f"step/{name}.html": page_of(make(), title) for name, (make, title) in PAGES.items()}
    return made | {"learning/network.html": learning_page()}
