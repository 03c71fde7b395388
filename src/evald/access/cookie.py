"""The cookie by which the pages know a reader who has signed in."""

from dataclasses import dataclass

from evald.access.access import SESSION_LIFE


@dataclass(frozen=True)
class SessionCookie:
    """How the cookie is named and set. It holds the random token of a session, and never a key."""

    name: str
    secure: bool
    """Whether browsers may send it over https alone."""

    def set_to(self, token: str) -> str:
        """Give the header that begins a session."""
        return self._header(token, SESSION_LIFE)

    def cleared(self) -> str:
        """Give the header that ends one."""
        return self._header("", 0)

    def _header(self, token: str, life: int) -> str:
        # Without a path it is that of the page, which also fits below a path of a reverse proxy.
        secure = "; Secure" if self.secure else ""
        return f"{self.name}={token}; Max-Age={life}; HttpOnly; SameSite=Strict{secure}"
