"""Code for rows that NumPy has no function for: plain arrays in, plain arrays out (in `digits.py` mpmath's numbers)."""
