"""The HTTP headers of every page."""


def security_headers() -> dict[str, str]:
    """Give the headers that keep a page to itself, whatever text is in it.

    The referrer policy is `same-origin` and not `no-referrer`: under the latter a browser sends
    `Origin: null` with a form of our own pages, and a check of the origin could not tell it from a
    stranger's. Other sites get no referrer either way.
    """
    return {
        "content-security-policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
            "media-src data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        ),
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
    }
