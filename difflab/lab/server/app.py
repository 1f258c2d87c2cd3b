"""The server behind `difflab lab`: this machine only, and nobody without the token."""

from __future__ import annotations

import asyncio
import html
import json
import secrets
import threading
import webbrowser
from collections.abc import Callable
from importlib import resources
from types import FrameType
from typing import TYPE_CHECKING

from ...cards.as_html import FRAMELESS
from ...errors import InputError, UnsupportedError
from ...palette import variables
from ..learning import learning_page
from .desk import GONE, Desk
from .door import HOST, POLICY, PRIVATE, free_port, known, ours
from .pages import Pages
from .question import EXAMPLES, question
from .work import HELPER, Answer, refusal

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

LARGEST_REQUEST = 20_000
SLOWEST_REQUEST = 10.0  # seconds until its body is here
MISSING = "difflab lab needs starlette and uvicorn: pip install 'difflab[lab]'"


def make_app(token: str, desk: Desk | None = None) -> Starlette:
    """The ASGI application. `/?token=...` is the page; `/answer` takes JSON with the token in a header."""
    try:
        from starlette.applications import Starlette
        from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
        from starlette.routing import Route
    except ImportError:
        raise UnsupportedError(MISSING) from None
    desk, pages = desk or Desk(), Pages()

    async def home(request: Request) -> Response:
        if not known(request, request.query_params.get("token", ""), token):
            return PlainTextResponse("Open the address that difflab lab has printed: it ends in a token.", 403)
        nonce = secrets.token_urlsafe(16)
        return HTMLResponse(
            home_page(token, nonce), headers=PRIVATE | {"content-security-policy": POLICY.format(nonce)}
        )

    async def train(request: Request) -> Response:
        if not known(request, request.query_params.get("token", ""), token):
            return PlainTextResponse("Open the address that difflab lab has printed: it ends in a token.", 403)
        return HTMLResponse(learning_page(), headers=PRIVATE)  # its policy stands in the page itself

    async def answers(request: Request) -> Response:
        if not known(request, request.headers.get("x-difflab-token", ""), token):
            answer = refusal(403, "token", "the token is wrong; open the address that difflab lab has printed")
        else:
            answer = await answered(request, desk)
        headers = PRIVATE | ({"retry-after": "2"} if answer.status == 503 else {})
        return JSONResponse(pages.kept(answer), answer.status, headers=headers)

    async def page(request: Request) -> Response:
        text = pages.get(request.path_params["name"])
        if text is None or not ours(request):
            return PlainTextResponse("This page is gone; choose the expression again.", 404)
        return HTMLResponse(text, headers=PRIVATE | {"content-security-policy": "sandbox allow-scripts"})

    routes = [Route("/", home), Route("/train", train), Route("/page/{name}", page)]
    routes.append(Route("/answer", answers, methods=["POST"]))
    return Starlette(routes=routes)


async def answered(request: Request, desk: Desk) -> Answer:
    """The answer to a request: what is wrong with it, or what the desk says."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        return refusal(415, "request", f"the request is {ascii(kind)[:60]}; it must be application/json")
    try:
        body = await asyncio.wait_for(read(request), SLOWEST_REQUEST)
        if body is None:
            return refusal(413, "request", f"the request is too long; at most {LARGEST_REQUEST:,} bytes are read")
        asked = question(body)
    except ConnectionError:
        return GONE
    except TimeoutError:
        return refusal(408, "request", f"the request was not whole in {SLOWEST_REQUEST:g} s")
    except InputError as error:
        return refusal(400, "request", str(error))
    return await desk.answer(asked, gone(request))


async def read(request: Request) -> bytes | None:
    """The body, or None if it is too long; ConnectionError where the one who asks leaves before its end."""
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_REQUEST:
            return None
    return bytes(body)


async def gone(request: Request) -> None:
    """Ends when the one who asked has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def home_page(token: str, nonce: str) -> str:
    """The page, with its style and script inside."""
    asset: Callable[[str], str] = lambda name: (resources.files(__package__) / "assets" / name).read_text(
        encoding="utf-8"
    )
    options = "".join(f'<option value="{k}">{html.escape(title)}</option>' for k, (title, *_) in enumerate(EXAMPLES))
    told = json.dumps({"token": token, "examples": EXAMPLES}).replace("<", "\\u003c")
    style = variables() + FRAMELESS + asset("lab.css")
    parts = {
        "STYLE": style,
        "OPTIONS": options,
        "TOKEN": token,
        "DATA": told,
        "NONCE": nonce,
        "SCRIPT": asset("lab.js"),
    }
    page = asset("lab.html")
    for name, value in parts.items():
        page = page.replace(f"@{name}@", value)
    return page


def serve(port: int = 0, open_browser: bool = True, tell: Callable[[str], object] = print, page: str = "") -> None:
    """Serves until Ctrl-C; tells the address of the page (home, or "train"), with a token made for this run."""
    HELPER.prepare()  # it loads while this process does
    try:
        import uvicorn
    except ImportError:
        raise UnsupportedError(MISSING) from None
    token, desk = secrets.token_urlsafe(24), Desk()
    app = make_app(token, desk)

    class Server(uvicorn.Server):
        """Ctrl-C ends the work first: nobody waits for it."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            desk.close_soon()
            super().handle_exit(sig, frame)

    with free_port(port) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}/{page}?token={token}"
        tell(address)
        if open_browser:
            opening = threading.Timer(0.5, webbrowser.open, [address])
            opening.daemon = True
            opening.start()
        config = uvicorn.Config(
            app, log_level="warning", server_header=False, access_log=False, timeout_graceful_shutdown=1
        )
        try:
            Server(config).run(sockets=[listening])
        finally:
            HELPER.close()
