"""What can be at fault when a page is asked for, as a closed set, and the phase in which it shows."""

from __future__ import annotations

from typing import Literal

Phase = Literal["resolve", "connect", "tls", "processing", "transfer", "content"]
PHASES: tuple[Phase, ...] = ("resolve", "connect", "tls", "processing", "transfer", "content")
"""In their order. Names and bounds of the first five are blackbox_exporter's (`probe_http_duration_seconds`)."""

Fault = Literal[
    "name_unknown", "name_unanswered", "refused", "unreachable", "connect_timeout", "proxy", "certificate_expired",
    "certificate_untrusted", "certificate_name", "handshake", "no_answer", "closed", "malformed", "status", "redirects",
    "cut_off", "slow", "mismatch", "unread",
]  # fmt: skip
FAULTS: dict[Fault, Phase] = {
    "name_unknown": "resolve",  # the resolver says there is no such name, or none of the family
    "name_unanswered": "resolve",  # the resolver does not answer, or fails
    "refused": "connect",  # nothing listens
    "unreachable": "connect",  # a router, or this machine, knows no way
    "connect_timeout": "connect",
    "proxy": "connect",  # the proxy is not reached, or does not let us through
    "certificate_expired": "tls",  # or not valid yet
    "certificate_untrusted": "tls",  # no authority known here vouches for it
    "certificate_name": "tls",  # of another name
    "handshake": "tls",  # anything else up to the end of the handshake
    "no_answer": "processing",  # connected, then silence
    "closed": "processing",  # hung up before the answer's head was there
    "malformed": "processing",  # what came is no HTTP/1.x
    "status": "processing",  # not one that is expected
    "redirects": "processing",  # in a circle, too often, or to what is no page
    "cut_off": "transfer",  # ended before the end that was announced
    "slow": "transfer",  # went on until the time was over
    "mismatch": "content",  # the text that must be there is not
    "unread": "content",  # larger than is read, or packed in an unknown way: not known whether it is there
}


class FaultError(Exception):
    """`detail` is for the log: it names hosts and ports, never what a page holds; without control characters."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault
        self.detail = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in detail)
