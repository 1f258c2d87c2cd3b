"""Models of ONNX as graphs."""
