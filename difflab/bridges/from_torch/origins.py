"""From where the steps of an exported program come: modules, lines of source, functions with rules of their own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from ...graph.block import Block
from ..packages import Foreign

FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)\n?(?P<text>[^\n]*)')


HERE = os.path.dirname(__file__)


class Origins:
    """The block and the note of each step."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[str, ...], Block] = {}
        self.home: str = os.path.dirname(sys.modules["torch"].__file__ or "")
        self.rules: dict[str, list[tuple[int, int, str]]] = {}
        for function in subclasses(sys.modules["torch"].autograd.Function):
            code = getattr(getattr(function, "forward", None), "__code__", None)
            if code is not None:
                last = max((line for *_, line in code.co_lines() if line), default=code.co_firstlineno)
                place = code.co_firstlineno, last, function.__name__
                self.rules.setdefault(code.co_filename, []).append(place)

    def block(self, step: Foreign) -> Block | None:
        """The block of the module that the step stands in, and of the Function inside it."""
        stack = step.meta.get("nn_module_stack") or {}
        block: Block | None = None
        path: tuple[str, ...] = ()
        before = ""
        for key, (name, _) in stack.items():
            name = name.partition("@")[0]
            if name:
                path = (*path, key)
                block = self.named(path, name.removeprefix(f"{before}.") if before else name, block)
                before = name
        rule = self.rule(step)
        return block if rule is None else self.named((*path, f"Function {rule}"), rule, block)

    def named(self, path: tuple[str, ...], name: str, parent: Block | None) -> Block:
        """The block of that path: one object for each call of a module."""
        if path not in self.blocks:
            self.blocks[path] = Block(name, parent)
        return self.blocks[path]

    def frames(self, step: Foreign) -> list[re.Match[str]]:
        found = FRAME.finditer(step.meta.get("stack_trace") or "")
        return [frame for frame in found if not frame["file"].startswith((HERE, "<eval_with_key>"))]

    def rule(self, step: Foreign) -> str | None:
        """The name of the innermost autograd.Function whose forward made the step."""
        for frame in reversed(self.frames(step)):
            for first, last, name in self.rules.get(frame["file"], ()):
                if first <= int(frame["line"]) <= last:
                    return name
        return None

    def note(self, step: Foreign) -> str:
        """The innermost line of the user's own source, as `net.py:12: return self.fc(x)`."""
        frames = self.frames(step)
        own = [frame for frame in frames if not frame["file"].startswith(self.home)] or frames
        if not own:
            return ""
        frame, rule = own[-1], self.rule(step)
        told = f"{os.path.basename(frame['file'])}:{frame['line']}: {frame['text'].strip()}"
        return f"{told} (torch.autograd.Function {rule})" if rule else told


def subclasses(kind: Foreign) -> Iterator[Foreign]:
    """All classes below one."""
    for below in type.__subclasses__(kind):
        yield below
        yield from subclasses(below)
