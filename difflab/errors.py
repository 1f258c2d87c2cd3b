"""Every error difflab raises on purpose, one class per kind.

Each is a `DifflabError` and also the built-in error that Python users expect (`ValueError`, `TypeError`, ...).
A message names the thing, its value and the mend.
"""


class DifflabError(Exception):
    """Base class of all errors that difflab raises on purpose."""


class InputError(DifflabError, ValueError):
    """A value, name or option given by the user cannot be used."""


class ShapeError(DifflabError, ValueError):
    """Shapes that do not fit together."""


class DtypeError(DifflabError, TypeError):
    """A value of a kind (integer, string, object) that has no derivative."""


class TraceError(DifflabError, TypeError):
    """A traced value was used where only a concrete one can be."""


class EscapedTracerError(TraceError):
    """A traced value was used after the function that made it had returned."""


class NoAttributeError(DifflabError, AttributeError):
    """A traced value has no attribute of that name."""

    def __init__(self, told: str, name: str | None = None) -> None:
        super().__init__(told)
        # Set: otherwise Python fills them in, and adds a guess of its own.
        self.name: str | None = name
        self.obj: object = None


class NoDerivativeError(DifflabError, TypeError, NotImplementedError):
    """The operation has no derivative with respect to that operand."""


class UnsupportedError(DifflabError, NotImplementedError):
    """The operation exists, but not for this kind of value."""


class ParseError(DifflabError, ValueError):
    """Text that is not an expression of the language; the message shows the place with a caret."""


class FallbackWarning(UserWarning):
    """Something that was asked for is missing, and something slower takes its place."""


class FrozenWarning(UserWarning):
    """What is different at each call, such as a random number, was recorded and is the same from now on."""


class RetracedWarning(UserWarning):
    """A function is traced again and again, where another spelling is traced once."""


class DomainError(DifflabError, ArithmeticError):
    """A function was evaluated outside its domain."""


class UndecidedError(DifflabError, ArithmeticError):
    """A branch that cannot be decided for a whole neighbourhood of the point."""


class DrawError(DifflabError, ValueError):
    """A picture that cannot be drawn or written."""


class TimeLimitError(DifflabError, TimeoutError):
    """Work that was stopped at its limit of processor time, or because it hung."""


class LostError(DifflabError, ConnectionError):
    """Another process that takes part has ended, or cannot be reached."""


class DisagreementError(DifflabError, AssertionError):
    """Methods that should give the same derivative do not."""
