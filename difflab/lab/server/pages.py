"""The last step-through pages, each a document at an address of its own."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from .work import Answer

MOST, MOST_CHARACTERS = 128, 64 * 2**20


class Pages(OrderedDict[str, str]):
    """Pages by name; the oldest are let go where there are too many or too large ones."""

    def kept(self, answer: Answer) -> dict[str, str]:
        """What is said to the browser: a whole page is kept here, and its address is said."""
        if answer.document is None:
            return answer.said
        name = secrets.token_urlsafe(16)
        self[name] = answer.document
        while len(self) > MOST or (len(self) > 1 and sum(map(len, self.values())) > MOST_CHARACTERS):
            self.popitem(last=False)
        return {"page": f"/page/{name}"}
