"""Texts from outside, as they may be shown in a terminal (pure)."""


def printable(text: str) -> str:
    """Give a text without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def one_line(text: object, secret: str | None = None) -> str:
    """Give a text on one line, without what a terminal would obey and without a secret."""
    line = " ".join(str(text).split())
    return printable(line.replace(secret, "[key]") if secret else line)
