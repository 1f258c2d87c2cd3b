"""A network that learns before one's eyes: one HTML file with a small network, its data and its backward pass.

`formulas.py` writes activations, losses, penalties and features as JavaScript by the rows' own rules, `page.py` puts
them together with the scripts in `assets/`, under a policy that admits their hashes only.
"""

from .page import learning_page as learning_page
