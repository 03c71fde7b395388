"""From where this server may be reached, and under which names."""

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from evald.errors import CannotStart


def check_host(host: str, *, has_key: bool) -> None:
    """Refuse to be reached from other machines without a key in force. Raises CannotStart."""
    if not has_key and not is_loopback(host):
        raise CannotStart(
            f"Other machines reach '{host}', and without a key whoever reaches evald could read what "
            "is in it and spend your tokens. Make a key for the same database with 'evald keys "
            "create', or use --host 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Say whether a host that is listened on, or asked for, is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def own_hosts(public_url: str, port: int) -> Callable[[str], bool]:
    """Give a function that says whether a `Host` header names this server."""
    public = urlsplit(public_url)
    default_port = ":443" if public.scheme == "https" else ":80"
    # Browsers send names in small letters, and leave out the default port where others do not.
    public_host = public.netloc.rpartition("@")[2].lower().removesuffix(default_port)

    def is_own(host: str) -> bool:
        host = host.lower()
        name, _, given_port = host.rpartition(":") if _has_port(host) else (host, "", "")
        is_local = is_loopback(name) and given_port in ("", str(port))
        return is_local or host.removesuffix(default_port) == public_host

    return is_own


def origin_of(url: str) -> str | None:
    """Give the origin of a URL as browsers write it, or None for what has none."""
    try:
        parts = urlsplit(url.lower())
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    default_port = {"https": ":443", "http": ":80"}.get(parts.scheme)
    if not host or default_port is None:
        return None
    return f"{parts.scheme}://{host.removesuffix(default_port)}"


def any_host(_: str) -> bool:
    """Take whatever name a request gives: elsewhere than on loopback there are keys."""
    return True


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def local_urls(port: int) -> list[str]:
    """Give the URLs by which this machine reaches a server of its own."""
    return [f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")]


def url_host(host: str) -> str:
    """Give a host as it stands in a URL."""
    return f"[{host.strip('[]')}]" if ":" in host else host


def port_of(url: str) -> int:
    """Give the port at which browsers find a server; servers behind one URL have the same."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
