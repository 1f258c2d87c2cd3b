"""What the page asks: one part of what is shown of an expression at a point. Everything is checked by hand."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, NoReturn

from ...draw.playground.examples import EXAMPLES as NUMBERS
from ...errors import InputError

LONGEST = 2000  # characters of an expression or a point
LONGEST_CODE = 10_000  # characters of code that is typed
LARGEST_ROUND = 2**53  # what JavaScript counts exactly
PARTS = ("page", "comparison", "curve", "certificate", "simplified")
KINDS = ("expression", "code", "file")
KEYS = ("part", "expression", "at", "page", "round", "kind", "function")

EXAMPLES = (*NUMBERS, ("A softmax loss", "log(sum(exp(W @ x))) - (W @ x)[0]", "W=[[1,2],[3,4]], x=[0.1,0.2]"))


CODE = """def f(x, y):
    for k in range(1, 4):
        x = x + np.sin(y) / k
    return x * y"""  # to begin with


class Code(NamedTuple):
    """Which function of a program is meant, the last one if it is not said, and the file that the program stands in."""

    function: str = ""
    file: str = ""


class Question(NamedTuple):
    """A part of what is shown; `page` names who asks, and a larger `round` of the same page replaces the others.

    `kind` says what `expression` is: a text of the language, NumPy code, or nothing, where the watched file is meant.
    """

    part: str
    expression: str
    at: str
    page: str = ""
    round: int | None = None
    kind: str = "expression"
    function: str = ""
    file: str = ""

    @property
    def code(self) -> Code | None:
        """The program that `expression` is, if it is one."""
        return None if self.kind == "expression" else Code(self.function, self.file)


def question(body: bytes) -> Question:
    """The question in the body of a request; InputError where it is none.

    >>> question(b'{"part": "curve", "expression": "x**2", "at": "x=1", "round": 3}')
    Question(part='curve', expression='x**2', at='x=1', page='', round=3, kind='expression', function='', file='')
    """
    try:
        asked = json.loads(body.decode("utf-8"), parse_constant=refused)
    except UnicodeDecodeError as error:
        raise InputError(f"the request is not UTF-8 at byte {error.start}; send JSON in UTF-8") from None
    except (ValueError, RecursionError) as error:
        told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:100]
        raise InputError(f"the request is not JSON with part, expression and at ({told})") from None
    if not isinstance(asked, dict):
        raise InputError("the request is not JSON with part, expression and at: it must be an object")
    missing, extra = [k for k in KEYS[:3] if k not in asked], [k for k in asked if k not in KEYS]
    if missing:
        raise InputError(f"the request has no {missing[0]}; give part, expression and at")
    if extra:
        raise InputError(f"the request has {shown(extra[0])}; there are {', '.join(KEYS)}")
    chosen = one_of(KINDS, "kind", asked.get("kind", "expression"))
    expression, at = text(asked, "expression", chosen), text(asked, "at", chosen)
    found = one_of(PARTS, "part", asked["part"])
    return Question(found, expression, at, page(asked), round(asked), chosen, function(asked))


def refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def one_of(known: tuple[str, ...], what: str, name: object) -> str:
    if not isinstance(name, str) or name not in known:
        raise InputError(f"there is no {what} {shown(name)}; there are {', '.join(known[:-1])} and {known[-1]}")
    return name


def text(asked: dict[str, Any], key: str, kind: str) -> str:
    value, code = asked[key], key == "expression" and kind == "code"
    name = "the code" if code else {"expression": "the expression", "at": "the point"}[key]
    checked(name, value, LONGEST_CODE if code else LONGEST)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name} has half a character (a lone surrogate) at place {error.start}") from None
    found: str = value
    return found


def checked(name: str, value: object, longest: int = LONGEST) -> None:
    """An expression, code or a point is text, and no book."""
    if not isinstance(value, str):
        raise InputError(f"{name} is {type(value).__name__}; it must be text")
    if len(value) > longest:
        raise InputError(f"{name} has {len(value):,} characters; at most {longest:,} are read here")


def page(asked: dict[str, Any]) -> str:
    value = asked.get("page", "")
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]{0,64}", value, re.ASCII):
        raise InputError(f"page is {shown(value)}; it must be a name of at most 64 letters and digits")
    return value


def function(asked: dict[str, Any]) -> str:
    value = asked.get("function", "")
    if not isinstance(value, str) or len(value) > 100 or (value and not value.isidentifier()):
        raise InputError(f"function is {shown(value)}; it must be the name of a function")
    return value


def round(asked: dict[str, Any]) -> int | None:
    value = asked.get("round")
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= LARGEST_ROUND:
        raise InputError(f"round is {shown(value)}; it must be an integer from 0 to 2**53")
    return value


def shown(value: object) -> str:
    """Something of a stranger's, short and in plain characters."""
    return type(value).__name__ if isinstance(value, list | dict) else ascii(value)[:40]
