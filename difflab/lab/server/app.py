"""The server behind `difflab lab`: this machine only, and nobody without the token."""

from __future__ import annotations

import asyncio
import secrets
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ...errors import InputError, UnsupportedError
from ..learning import learning_page
from .desk import GONE, Desk
from .door import HOST, PRIVATE, WITHIN, free_port, known, ours
from .home import Home
from .pages import Pages
from .question import question
from .watched import Watched
from .work import HELPER, Answer, refusal

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

LARGEST_REQUEST = 20_000
SLOWEST_REQUEST = 10.0  # seconds until its body is here
CLOSED = "Open the address that difflab lab has printed: it ends in a token."
WRONG_TOKEN = "the token is wrong; open the address that difflab lab has printed"
MISSING = "difflab lab needs starlette and uvicorn: pip install 'difflab[lab]'"


def make_app(token: str, desk: Desk | None = None, file: Path | None = None) -> Starlette:
    """The ASGI application. `/?token=...` is the page; `/answer` takes JSON with the token in a header.

    `/file` says what stands in the file that is watched, if there is one.
    """
    try:
        from starlette.applications import Starlette
        from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
        from starlette.routing import Route
    except ImportError:
        raise UnsupportedError(MISSING) from None
    desk, pages, watched = desk or Desk(), Pages(), Watched(file)
    shown = Home(token, watched.name)

    async def home(request: Request) -> Response:
        if not known(request, request.query_params.get("token", ""), token):
            return PlainTextResponse(CLOSED, 403)
        text = await asyncio.to_thread(shown.text)
        return HTMLResponse(text, headers=PRIVATE | {"content-security-policy": WITHIN})  # more stands in the page

    async def train(request: Request) -> Response:
        if not known(request, request.query_params.get("token", ""), token):
            return PlainTextResponse(CLOSED, 403)
        return HTMLResponse(learning_page(), headers=PRIVATE)  # its policy stands in the page itself

    async def answers(request: Request) -> Response:
        if not known(request, request.headers.get("x-difflab-token", ""), token):
            answer = refusal(403, "token", WRONG_TOKEN)
        else:
            answer = await answered(request, desk, watched)
        headers = PRIVATE | ({"retry-after": "2"} if answer.status == 503 else {})
        return JSONResponse(pages.kept(answer), answer.status, headers=headers)

    async def file_now(request: Request) -> Response:
        if not known(request, request.headers.get("x-difflab-token", ""), token):
            return JSONResponse({"error": WRONG_TOKEN, "kind": "token"}, 403, headers=PRIVATE)
        return JSONResponse(watched.state(request.query_params.get("known", "")), headers=PRIVATE)

    async def page(request: Request) -> Response:
        text = pages.get(request.path_params["name"])
        if text is None or not ours(request):
            return PlainTextResponse("This page is gone; choose the expression again.", 404)
        return HTMLResponse(text, headers=PRIVATE | {"content-security-policy": "sandbox allow-scripts"})

    routes = [Route("/", home), Route("/train", train), Route("/page/{name}", page), Route("/file", file_now)]
    routes.append(Route("/answer", answers, methods=["POST"]))
    return Starlette(routes=routes)


async def answered(request: Request, desk: Desk, watched: Watched) -> Answer:
    """The answer to a request: what is wrong with it, or what the desk says."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        return refusal(415, "request", f"the request is {ascii(kind)[:60]}; it must be application/json")
    try:
        body = await asyncio.wait_for(read(request), SLOWEST_REQUEST)
        if body is None:
            return refusal(413, "request", f"the request is too long; at most {LARGEST_REQUEST:,} bytes are read")
        asked = watched.filled(question(body))
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


def serve(
    port: int = 0,
    open_browser: bool = True,
    tell: Callable[[str], object] = print,
    page: str = "",
    file: Path | None = None,
) -> None:
    """Serves until Ctrl-C; tells the address of the page (home, or "train"), with a token made for this run.

    With `file` the page shows the functions of that program, and follows when it is saved.
    """
    HELPER.prepare()  # it loads while this process does
    try:
        import uvicorn
    except ImportError:
        raise UnsupportedError(MISSING) from None
    token, desk = secrets.token_urlsafe(24), Desk()
    app = make_app(token, desk, file)

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
