"""What a notebook cell and a terminal show of a result: one card, written as HTML and as text."""
