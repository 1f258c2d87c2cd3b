"""What a person asks of the methods: comparison, step sizes, expression swell, accuracy, kinks, Lipschitz constants."""

from .lipschitz import Lipschitz as Lipschitz, lipschitz as lipschitz
