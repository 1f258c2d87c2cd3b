"""What a person asks of the methods: comparison, convexity, step sizes, expression swell, accuracy, kinks."""

from .convexity import convexity as convexity
