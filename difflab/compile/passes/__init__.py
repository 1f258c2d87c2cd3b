"""Passes: Graph -> Graph, each leaving the values as they are; pipeline.py has their order."""
