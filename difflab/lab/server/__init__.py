"""A local page on which a person types an expression: `difflab lab`.

`door.py` says who is let in, `app.py` is the server, `question.py` reads what it is asked, `desk.py` and `lanes.py`
say who is answered when, `work.py` has each question computed in a process of its own, which runs `answers.py`.
"""

from .app import make_app, serve
from .question import EXAMPLES

__all__ = ["EXAMPLES", "make_app", "serve"]
