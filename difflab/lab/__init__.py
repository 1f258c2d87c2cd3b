"""What a person asks of the methods: comparison, convexity, step sizes, swell, accuracy, kinks, Lipschitz constants."""

from .convexity import Convexity as Convexity, Violation as Violation, convexity as convexity
from .lipschitz import Lipschitz as Lipschitz, lipschitz as lipschitz

__all__ = ["Convexity", "Lipschitz", "Violation", "convexity", "lipschitz"]
