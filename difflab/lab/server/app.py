"""The server behind `difflab lab`: this machine only, and nobody without the token."""

from __future__ import annotations

import html
import json
import logging
import secrets
import socket
import threading
import webbrowser
from importlib import resources
from typing import Any

from ...differentiate.limits import prepare
from ...errors import DifflabError, InputError, UnsupportedError
from .answers import EXAMPLES, answer

log = logging.getLogger("difflab.lab")
HOST = "127.0.0.1"
LARGEST_REQUEST = 20_000
KEPT_PAGES = 8
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{0}'; img-src data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PRIVATE = {"referrer-policy": "no-referrer", "cache-control": "no-store", "x-content-type-options": "nosniff"}


def make_app(token: str) -> Any:
    """The ASGI application. `/?token=...` is the page; `/answer` takes JSON with the token in a header."""
    try:
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
        from starlette.routing import Route
    except ImportError:
        raise UnsupportedError("difflab lab needs starlette and uvicorn: pip install 'difflab[lab]'") from None
    one_at_a_time = threading.Lock()
    newest = [0]  # the number of the newest question: what waited behind it is not computed any more
    pages: dict[str, str] = {}  # the last few, each a document with a policy of its own

    def computed(part: Any, text: Any, point: Any, round: int) -> dict[str, str]:
        with one_at_a_time:
            if round < newest[0]:
                return {"error": "a newer expression took its place"}
            try:
                found = answer(str(part), text, point)
            except DifflabError as error:
                return {"error": str(error)}
            except Exception as error:
                log.exception("difflab lab: an error in difflab; please report it")
                return {
                    "error": f"an error in difflab, {type(error).__name__}: {error}; its traceback is on the terminal"
                }
            if part != "page":
                return {"html": found}
            name = secrets.token_urlsafe(16)
            pages[name] = found
            for old in list(pages)[:-KEPT_PAGES]:
                del pages[old]
            return {"page": f"/page/{name}"}

    def known(request: Any, given: str) -> bool:
        """The token is right, and the browser asked for this machine by its own name: no other name leads here."""
        name = request.headers.get("host", "").partition(":")[0]
        return secrets.compare_digest(given.encode(), token.encode()) and name in (HOST, "localhost")

    async def home(request: Any) -> Any:
        if not known(request, request.query_params.get("token", "")):
            return PlainTextResponse("Open the address that difflab lab has printed: it ends in a token.", 403)
        nonce = secrets.token_urlsafe(16)
        return HTMLResponse(
            home_page(token, nonce), headers=PRIVATE | {"content-security-policy": POLICY.format(nonce)}
        )

    async def answers(request: Any) -> Any:
        if not known(request, request.headers.get("x-difflab-token", "")):
            return JSONResponse({"error": "the token is wrong; open the address that difflab lab has printed"}, 403)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_REQUEST:
                return JSONResponse({"error": "the request is too long"}, 413)
        try:
            asked = json.loads(body)
            part, text, point = asked["part"], asked["expression"], asked["at"]
            round = int(asked.get("round", newest[0]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return JSONResponse({"error": "the request is not JSON with part, expression and at"}, 400)
        newest[0] = max(newest[0], round)
        return JSONResponse(await run_in_threadpool(computed, part, text, point, round))

    async def page(request: Any) -> Any:
        text = pages.get(request.path_params["name"])
        if text is None or request.headers.get("host", "").partition(":")[0] not in (HOST, "localhost"):
            return PlainTextResponse("This page is gone; choose the expression again.", 404)
        return HTMLResponse(text, headers=PRIVATE | {"content-security-policy": "sandbox allow-scripts"})

    routes = [Route("/", home), Route("/page/{name}", page), Route("/answer", answers, methods=["POST"])]
    return Starlette(routes=routes)


def home_page(token: str, nonce: str) -> str:
    """The page, with its style and script inside."""
    asset = lambda name: (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")
    options = "".join(
        f'<option value="{k}">{html.escape(title)}: {html.escape(text)}</option>'
        for k, (title, text, _) in enumerate(EXAMPLES)
    )
    told = json.dumps({"token": token, "examples": EXAMPLES}).replace("<", "\\u003c")
    parts = {"STYLE": asset("lab.css"), "OPTIONS": options, "DATA": told, "NONCE": nonce, "SCRIPT": asset("lab.js")}
    page = asset("lab.html")
    for name, value in parts.items():
        page = page.replace(f"@{name}@", value)
    return page


def free_port(port: int) -> socket.socket:
    """A listening socket of this machine alone; port 0 takes any that is free."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise InputError(f"port {port} cannot be used: {error}; leave --port out for one that is free") from None
    return listening


def serve(port: int = 0, open_browser: bool = True, tell: Any = print) -> None:
    """Serves until Ctrl-C; tells the address, which holds a token made for this run."""
    try:
        import uvicorn
    except ImportError:
        raise UnsupportedError("difflab lab needs starlette and uvicorn: pip install 'difflab[lab]'") from None
    token = secrets.token_urlsafe(24)
    app = make_app(token)
    listening = free_port(port)
    prepare()
    address = f"http://{HOST}:{listening.getsockname()[1]}/?token={token}"
    tell(address)
    if open_browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False, access_log=False))
    server.run(sockets=[listening])
