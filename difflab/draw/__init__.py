"""Pictures of graphs and passes, laid out by Graphviz."""
