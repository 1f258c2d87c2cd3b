"""Mutations: of bytes, of tokens of a text, of JSON, of arrays and of the members of a zip file."""

from __future__ import annotations

import ast
import io
import json
import math
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np

LONGEST = 60_000  # characters of what is made by repeating: repeats of repeats would fill the memory
WEIRD_BYTES = (
    b"",
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x80",
    b"\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"nan",
)
WEIRD_NUMBERS = (
    0, 1, -1, 2, 255, 256, -(2**31), 2**31, 2**31 - 1, 2**32, 2**53 + 1, 2**63, -(2**63), 2**64, 10**30, 10**400, 0.5,
    -0.0, 1e-320, 1e300, -1e308, math.nan, math.inf, -math.inf, True, None,
)  # fmt: skip
WEIRD_TEXTS = (
    "", " ", "\0", "\ud800", "\u202e", "é", "x" * 300, "../../x", "/etc/passwd", "NaN", "1e999", "\x1b[31m",
    "<script>",
    "__class__", "%s{0}", "Sequential", "float16", "object", "O", "int8", "complex128", "V8", "S5", "params/0/w",
    "9" * 5000,
)  # fmt: skip
DTYPES = ("<f8", ">f8", "<f4", "<f2", "<i8", "<i4", "|i1", "|u1", "<u8", "|b1", "<c16", "|O", "<U3", "|S4", "|V8",
"<M8[s]", "<f16",
          "<i4,<f8", "", "|S0", "<U0")  # fmt: skip
MEMBER_NAMES = (
    "../x.npy",
    "/x.npy",
    "x",
    "",
    "P.npy",
    "R.npy",
    "discount.npy",
    "about.npy",
    "a/" * 200 + "b.npy",
    "\0.npy",
    "é.npy",
)


def of_bytes(data: bytes, rng: Random) -> bytes:
    """A few changes that know nothing of the format."""
    found = bytearray(data)
    for _ in range(1 + int(rng.expovariate(0.7))):
        at = rng.randrange(len(found) + 1)
        end = min(len(found), at + 1 + int(rng.expovariate(0.2)))
        what = rng.randrange(6)
        if what == 0 and at < len(found):
            found[at] ^= 1 << rng.randrange(8)
        elif what == 1 and at < len(found):
            found[at] = rng.randrange(256)
        elif what == 2:
            del found[at:end]
        elif what == 3:
            found[at:at] = found[at:end] * rng.choice((1, 1, 2, 50))
        elif what == 4:
            found[at:at] = rng.choice(WEIRD_BYTES)
        else:
            found[at : at + 4] = struct.pack(rng.choice(("<i", ">i")), rng.choice((0, 1, -1, 127, 65536, 2**31 - 1)))
    return bytes(found)


def of_tokens(text: str, words: Sequence[str], rng: Random) -> str:
    """A few tokens replaced, dropped, doubled, moved or wrapped."""
    tokens = re.findall(r"\w+(?:\.\w+)?|\s+|\*\*|//|[<>=!]=|.", text, re.DOTALL) or [""]
    for _ in range(1 + int(rng.expovariate(0.6))):
        at = rng.randrange(len(tokens))
        what = rng.randrange(6)
        if what == 0:
            tokens[at] = rng.choice(words)
        elif what == 1:
            tokens.insert(at, rng.choice(words))
        elif what == 2 and len(tokens) > 1:
            del tokens[at]
        elif what == 3:
            tokens[at] = (tokens[at] * rng.choice((2, 3, 200)))[:LONGEST]
        elif what == 4:
            tokens[at] = tokens[rng.randrange(len(tokens))]
        else:
            other = rng.randrange(len(tokens))
            tokens[min(at, other)] = "(" + tokens[min(at, other)]
            tokens[max(at, other)] += ")"
    return "".join(tokens)


def of_tree(tree: Any, rng: Random) -> Any:
    """A tree of JSON with one place changed."""
    if rng.random() < 0.3 or not isinstance(tree, dict | list) or not tree:
        return weird(rng)
    if isinstance(tree, list):
        made = list(tree)
        at = rng.randrange(len(made))
        what = rng.randrange(8)
        if what == 0:
            del made[at]
        elif what == 1:
            made.insert(at, made[at])
        elif what == 2 and len(made) < 100:
            made *= rng.choice((2, 10))
        else:
            made[at] = of_tree(made[at], rng)
        return made
    made = dict(tree)
    key = rng.choice(list(made))
    what = rng.randrange(8)
    if what == 0:
        del made[key]
    elif what == 1:
        made[str(rng.choice(WEIRD_TEXTS))] = made[key]
    elif what == 2:
        made[key] = made[rng.choice(list(made))]
    else:
        made[key] = of_tree(made[key], rng)
    return made


def weird(rng: Random) -> Any:
    what = rng.randrange(10)
    if what < 5:
        return rng.choice(WEIRD_NUMBERS)
    if what < 8:
        return rng.choice(WEIRD_TEXTS)
    if what == 8:
        return [weird(rng) for _ in range(rng.randrange(4))]
    return {str(rng.choice(WEIRD_TEXTS)): weird(rng) for _ in range(rng.randrange(3))}


def json_text(tree: Any, rng: Random) -> bytes:
    """The tree as JSON, sometimes with what JSON forbids, or nested too deeply."""
    try:
        text = json.dumps(tree, ensure_ascii=rng.random() < 0.8)
    except ValueError:
        return b"1" * 6000  # an integer of more digits than Python prints
    if rng.random() < 0.02:
        text = "[" * 100_000
    if rng.random() < 0.05 and '"' in text:
        text = text.replace(rng.choice(re.findall(r'"[^"]*"', text) or ['"']), '"\\ud800"', 1)
    return text.encode("utf-8", "surrogatepass")


def member_bytes(header: dict[str, Any] | str, body: bytes, version: int = 1) -> bytes:
    """An .npy file of any header, also of one that NumPy would never write."""
    text = (header if isinstance(header, str) else repr(header)).encode("latin-1", "replace") + b" \n"
    size = struct.pack("<H", len(text) % 65536) if version == 1 else struct.pack("<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + body


def split_member(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and body of an .npy file."""
    if data[:6] != b"\x93NUMPY" or len(data) < 10:
        raise ValueError("no .npy file")
    (size,) = struct.unpack("<H", data[8:10])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = ast.literal_eval(data[10 : 10 + size].decode("latin-1").strip())
    return header, data[10 + size :]


def of_npy(data: bytes, rng: Random) -> bytes:
    """An .npy file with another header, or with other numbers in it."""
    try:
        header, body = split_member(data)
        shape = list(header["shape"])
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        return of_bytes(data, rng)
    what = rng.randrange(9)
    if what == 0:
        header["shape"] = tuple([*shape, rng.choice((1, 0, 2))][:: rng.choice((1, -1))])
    elif what == 1 and shape:
        shape[rng.randrange(len(shape))] = rng.choice([x for x in WEIRD_NUMBERS if isinstance(x, int)])
        header["shape"] = tuple(shape)
    elif what == 2:
        header["descr"] = rng.choice(DTYPES)
    elif what == 3:
        header["shape"], body = (), body[:8]
    elif what == 4:
        header[rng.choice(("shape", "descr", "fortran_order", "more"))] = weird(rng)
    elif what == 5:
        return of_bytes(data, rng)
    else:
        body = numbers(header, body, rng)
    return member_bytes(header, body, rng.choice((1, 1, 1, 1, 2, 3, 9)))


def numbers(header: dict[str, Any], body: bytes, rng: Random) -> bytes:
    """Some numbers replaced by strange ones of the same type."""
    try:
        x = np.frombuffer(body, np.dtype(header["descr"])).copy()
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(rng.randrange(1, 4)):
                value = rng.choice([n for n in WEIRD_NUMBERS if (n is not None and abs(n) < 2**62) or n != n])
                x[rng.randrange(len(x))] = np.asarray(value, float).astype(x.dtype)
        return x.tobytes()
    except (ValueError, TypeError, SyntaxError, OverflowError, KeyError):
        return of_bytes(body, rng)


def of_zip(data: bytes, rng: Random, member: Callable[[str, bytes, Random], bytes]) -> bytes:
    """A zip file with one member changed (by `member`), renamed, doubled or dropped, and packed again."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(i.file_size for i in archive.infolist()) > 1 << 22:
                raise ValueError
            members = [(i.filename, archive.read(i)) for i in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, NotImplementedError, EOFError, KeyError):
        return of_bytes(data, rng)
    except Exception:  # zlib.error and whatever a damaged directory gives: this is only the mutator
        return of_bytes(data, rng)
    if not members or rng.random() < 0.1:
        return of_bytes(data, rng)
    packing = zipfile.ZIP_STORED if rng.random() < 0.8 else rng.choice((8, 12, 14))
    for _ in range(1 + int(rng.expovariate(1.5))):
        if not members:
            break
        at = rng.randrange(len(members))
        name, content = members[at]
        what = rng.randrange(12)
        if what == 0:
            del members[at]
        elif what == 1:
            members.append((name, content))
        elif what == 2:
            members[at] = rng.choice(MEMBER_NAMES), content
        elif what == 3:
            members[at] = members[rng.randrange(len(members))][0], content
        else:
            members[at] = name, member(name, content, rng)
    members = [
        (name.partition("\0")[0] or "x", content) for name, content in members
    ]  # zipfile writes no name without letters
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", packing) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name, content)
    packed = out.getvalue()
    return of_bytes(packed, rng) if rng.random() < 0.05 else packed


def text_of(data: bytes) -> str:
    """Bytes as text, any bytes: what is not UTF-8 becomes lone surrogates, as in the arguments of a program."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    return (
        text.encode("utf-8", "surrogatepass")
        if any("\ud800" <= c < "\udc80" for c in text)
        else text.encode("utf-8", "surrogateescape")
    )
