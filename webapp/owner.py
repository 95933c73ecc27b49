"""The owner of a site: who opened it by the key that the server printed, or holds its token."""

from __future__ import annotations

import hmac
import secrets

from flask import Request
from werkzeug.wrappers import Response

COOKIE = "fixdex_owner"


class Owner:
    """Knows the owner by a key that is made anew whenever the site starts.

    Never by address: whatever runs on the same computer, a page in its browser too, comes from
    there.
    """

    def __init__(self, token: str) -> None:
        """`token` is the secret that the owner chose, or nothing."""
        self.key = secrets.token_urlsafe(24)
        self._token = token

    def opens(self, key: str) -> bool:
        """Whether this is the key."""
        return _same(key, self.key)

    def asks(self, request: Request) -> bool:
        """Whether a request comes from the owner: it has the cookie, or the token."""
        if self.opens(request.cookies.get(COOKIE, "")):
            return True
        return bool(self._token) and _same(request.args.get("token", ""), self._token)

    def remember(self, response: Response, request: Request) -> None:
        """Lets the browser of this request be the owner's until it is closed."""
        response.set_cookie(
            COOKIE,
            self.key,
            path=request.script_root or "/",
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode("utf-8"))
