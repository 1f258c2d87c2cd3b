"""The local page of a running training: a server in a thread, which ends with the training."""

from __future__ import annotations

import html
import json
import secrets
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING

from ...errors import UnsupportedError
from ...lab.learning.page import asset as shared
from ...lab.server.door import HOST, POLICY, PRIVATE, free_port, known
from ...palette import variables
from ..training.progress import shown
from .watch import Watch

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MISSING = "difflab train --live needs starlette and uvicorn: pip install 'difflab[lab]'"
GOODBYE = 3.0  # seconds that an open page has to fetch the end of the training


def make_app(token: str, watch: Watch, title: str = "training") -> Starlette:
    """The ASGI application: `/?token=...` is the page, `/now` says what has been seen, with the token in a header."""
    try:
        from starlette.applications import Starlette
        from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
        from starlette.routing import Route
    except ImportError:
        raise UnsupportedError(MISSING) from None

    async def home(request: Request) -> Response:
        if not known(request, request.query_params.get("token", ""), token):
            return PlainTextResponse("Open the address that difflab train has printed: it ends in a token.", 403)
        nonce = secrets.token_urlsafe(16)
        policy = {"content-security-policy": POLICY.format(nonce)}
        return HTMLResponse(live_page(token, nonce, title), headers=PRIVATE | policy)

    async def now(request: Request) -> Response:
        if not known(request, request.headers.get("x-difflab-token", ""), token):
            return JSONResponse({"error": "the token is wrong"}, 403, headers=PRIVATE)
        return JSONResponse(watch.tell(), headers=PRIVATE)

    return Starlette(routes=[Route("/", home), Route("/now", now)])


def live_page(token: str, nonce: str, title: str) -> str:
    """The page, with its style and script inside."""
    asset: Callable[[str], str] = lambda name: (resources.files(__package__) / "assets" / name).read_text("utf-8")
    told = json.dumps({"token": token}).replace("<", "\\u003c")
    parts = {"STYLE": variables() + asset("live.css"), "TITLE": html.escape(title), "DATA": told, "NONCE": nonce}
    script = "\n".join(['"use strict";', shared("elements.js"), asset("live.js")])
    page = asset("live.html")
    for name, value in (parts | {"SCRIPT": script}).items():
        page = page.replace(f"@{name}@", value)
    return page


@contextmanager
def watched(
    tell: Callable[[str], object], *, port: int = 0, open_browser: bool = True, title: str = "training",
    progress: bool | None = None,
) -> Iterator[Watch]:  # fmt: skip
    """A watch for `recipes.run`, and a page that shows what it sees until the block ends; `tell` gets the address."""
    try:
        import uvicorn
    except ImportError:
        raise UnsupportedError(MISSING) from None
    watch, token = Watch(shown(progress)), secrets.token_urlsafe(24)
    app = make_app(token, watch, title)
    config = uvicorn.Config(app, log_level="critical", server_header=False, access_log=False,
                            timeout_graceful_shutdown=1)  # fmt: skip
    server = uvicorn.Server(config)
    with free_port(port) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}/?token={token}"
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        serving.start()
        tell(address)
        if open_browser:
            webbrowser.open(address)
        try:
            yield watch
            if watch.is_open():
                watch.told_end.wait(GOODBYE)
        finally:
            server.should_exit = True
            serving.join()
