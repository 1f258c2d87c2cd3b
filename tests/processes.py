"""Other processes, as Linux tells of them."""

from __future__ import annotations

from pathlib import Path


def is_running(pid):
    """Whether the process goes on; one that has ended and that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid):
    """The processes that it started and that nobody has waited for yet; none where it has ended itself."""
    try:
        return [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
