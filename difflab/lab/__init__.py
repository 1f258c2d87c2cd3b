"""What a person asks of the methods: comparison, convexity, step sizes, expression swell, accuracy, kinks."""

from .convexity import Convexity as Convexity, Violation as Violation, convexity as convexity

__all__ = ["Convexity", "Violation", "convexity"]
