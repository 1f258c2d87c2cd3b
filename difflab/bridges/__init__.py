"""Other people's code: functions of JAX, PyTorch and ONNX as graphs, judged, searched for NaN, and out again."""
