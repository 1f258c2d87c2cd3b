"""The first operation, forward or backward, that makes the NaN or the infinity of a result: of NumPy, JAX, PyTorch."""
