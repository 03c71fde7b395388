"""What the commands that export have in common."""


class CannotExport(Exception):
    """Nothing was exported. The message says why and what to do."""
