"""The file that `difflab lab FILE.py` shows: what stands in it now, and whether that is new."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

from ...errors import InputError
from .question import Question

LARGEST = 200_000  # bytes of a file


class Watched:
    """A file of Python, or none; it is looked at when somebody asks."""

    path: Path | None

    def __init__(self, path: Path | None) -> None:
        self.path = None if path is None else path.absolute()

    @property
    def name(self) -> str:
        """The file's name; empty where none is watched."""
        return "" if self.path is None else self.path.name

    def state(self, known: str) -> dict[str, str]:
        """The version of the file and, if another one is known, its text, or what is wrong with it."""
        try:
            version, text = self.version(), ""
            if version != known:
                text = self.text()
        except InputError as error:
            return {"version": "", "error": str(error)}
        return {"version": version, **({"text": text} if version != known else {})}

    def filled(self, question: Question) -> Question:
        """The question with what the file holds, where it is about the file."""
        if question.kind != "file":
            return question
        text = self.text()
        return question._replace(expression=text, file=str(self.path))

    def version(self) -> str:
        if self.path is None:
            raise InputError("no file is watched; start difflab lab FILE.py")
        try:
            told = self.path.stat()
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}; save it again") from None
        return f"{told.st_mtime_ns}-{told.st_size}-{told.st_ino}"

    def text(self) -> str:
        """The file's text, in the encoding that it says."""
        self.version()
        assert self.path is not None
        try:
            with self.path.open("rb") as stream:
                data = stream.read(LARGEST + 1)
            if len(data) > LARGEST:
                raise InputError(f"{self.name} has more than {LARGEST:,} bytes; put what is shown in a file of its own")
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return data.decode(encoding).replace("\r\n", "\n")
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}; save it again") from None
        except (SyntaxError, UnicodeDecodeError, LookupError) as error:
            raise InputError(f"{self.name} is no text: {error}; save it as UTF-8") from None
