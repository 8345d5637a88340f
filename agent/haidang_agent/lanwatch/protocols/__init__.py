"""The few protocols that tell who is who on a LAN, each read from bytes that anybody may have sent.

Every `read` returns what the message says or raises MalformedError, nothing else, in time bounded by the frame's size.
"""

from __future__ import annotations


class MalformedError(ValueError):
    """The bytes are cut short or contradict themselves."""
