"""The door of every local server: this machine only, and nobody without the token."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

from ...errors import InputError

if TYPE_CHECKING:
    from starlette.requests import Request

HOST = "127.0.0.1"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{0}'; img-src data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Of a page whose own policy says the rest: this cannot be said in it.
WITHIN = "frame-ancestors 'none'; form-action 'none'; base-uri 'none'; connect-src 'self'"
PRIVATE = {"referrer-policy": "no-referrer", "cache-control": "no-store", "x-content-type-options": "nosniff"}


def ours(request: Request) -> bool:
    """The browser asked for this machine by its own name: no other name leads here."""
    return request.headers.get("host", "").partition(":")[0] in (HOST, "localhost")


def known(request: Request, given: str, token: str) -> bool:
    """The token is right, and the request is one to this machine."""
    return secrets.compare_digest(given.encode(), token.encode()) and ours(request)


def free_port(port: int) -> socket.socket:
    """A listening socket of this machine alone; port 0 takes any that is free."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)  # who reads the address may connect
    except (OSError, OverflowError) as error:
        listening.close()
        raise InputError(f"port {port} cannot be used: {error}; leave --port out for one that is free") from None
    return listening
