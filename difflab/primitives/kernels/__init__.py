"""NumPy code for rows that NumPy has no function for. Plain arrays in, plain arrays out."""
