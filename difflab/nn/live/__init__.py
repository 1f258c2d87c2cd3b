"""A running training, watched in a browser: `difflab train --live`.

`watch.py` looks at the training between two steps and keeps what it has seen, `server.py` shows it on a local page.
"""

from .server import watched as watched
from .watch import Watch as Watch
