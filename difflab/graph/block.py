"""Block: a named group of nodes, drawn closed as one box or opened."""

from __future__ import annotations


class Block:
    """One group of nodes in a graph; `parent` is the block it stands in, or None."""

    __slots__ = ("name", "parent")

    def __init__(self, name: str, parent: Block | None) -> None:
        self.name: str = name
        self.parent: Block | None = parent

    @property
    def path(self) -> tuple[str, ...]:
        return (*(self.parent.path if self.parent else ()), self.name)

    def __repr__(self) -> str:
        return f"<Block {'/'.join(self.path)}>"
