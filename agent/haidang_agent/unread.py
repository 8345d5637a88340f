"""What could not be read, and why: never a zero, never a pass."""


class UnreadError(Exception):
    """The check cannot be read here; the text, in the reader's language, says why."""
