"""The routes by which a reader signs in with a key, and out."""

import re
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from evald.access.access import Access
from evald.access.cookie import SessionCookie
from evald.dashboard.frame import Frame, known_theme
from evald.dashboard.headers import security_headers
from evald.dashboard.rendering import render
from evald.errors import Unauthorized

OWN_PAGE: Final = re.compile(
    r"((evaluations|dashboard)(/[A-Za-z0-9_~%-][A-Za-z0-9_.~%-]*)+)?(\?[A-Za-z0-9_.~%&=+*-]*)?",
    re.ASCII,
)
"""What a reader may be led back to: the pages below the root, and no other place."""
LONGEST_ADDRESS: Final = 2_000


@dataclass(frozen=True)
class Door:
    """What signing in needs."""

    access: Access
    cookie: SessionCookie


def sign_in_router(door: Door) -> APIRouter:
    """Give the routes of the sign-in page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    async def ask(request: Request) -> Response:
        back = own_page(request.query_params.get("next", ""))
        # A strict cookie does not come along with a link on another site; with one of our own it does.
        if request.headers.get("sec-fetch-site") == "cross-site":
            return HTMLResponse(
                render("go_on.html", Frame("./"), address=f"./{back}"), headers=security_headers()
            )
        if await _needs_no_key(request, door):
            return RedirectResponse(f"./{back}", 303, security_headers())
        return _form(request, back)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=4)
        back = own_page(str(form.get("next", "")))
        if await door.access.is_open():
            return RedirectResponse(f"./{back}", 303, security_headers())
        try:
            token = await door.access.sign_in(str(form.get("key", "")).strip())
        except Unauthorized:
            return _form(request, back, is_refused=True)
        headers = {**security_headers(), "set-cookie": door.cookie.set_to(token)}
        return RedirectResponse(f"./{back}", 303, headers)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        token = request.cookies.get(door.cookie.name)
        if token:
            await door.access.sign_out(token)
        headers = {**security_headers(), "set-cookie": door.cookie.cleared()}
        return RedirectResponse("./sign-in", 303, headers)

    return router


def own_page(given: str) -> str:
    """Give the address of a page below the root, or that of the root itself for anything else."""
    fits = len(given) <= LONGEST_ADDRESS and OWN_PAGE.fullmatch(given)
    return given if fits else ""


async def _needs_no_key(request: Request, door: Door) -> bool:
    token = request.cookies.get(door.cookie.name)
    if token and await door.access.key_of_session(token):
        return True
    return await door.access.is_open()


def _form(request: Request, back: str, *, is_refused: bool = False) -> Response:
    html = render(
        "sign_in.html",
        Frame("./", known_theme(request.cookies.get("theme", "")), place=""),
        back=back,
        is_refused=is_refused,
    )
    return HTMLResponse(html, 401 if is_refused else 200, headers=security_headers())
