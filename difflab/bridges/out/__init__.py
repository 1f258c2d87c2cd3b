"""Graphs as code and files of others: PyTorch, ONNX, NumPy alone, C, LaTeX."""
