"""From a graph to a program: passes over the graph, then straight-line Python source."""
