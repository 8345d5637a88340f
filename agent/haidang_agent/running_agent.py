"""What the agent that runs on this machine measures, by its own /metrics."""

from __future__ import annotations

import http.client

from haidang_agent.i18n import _

ASK_SECONDS = 5.0
OK = 200
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}

Samples = dict[str, dict[tuple[str, ...], float]]


def samples_of(listen: str) -> Samples:
    """By metric, and by the values of its labels in the order of their names.

    Raises OSError, HTTPException, ValueError where no agent answers.
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - 2 MiB on demand

    host, _colon, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host:
        raise ConnectionRefusedError(_("it shows itself nowhere"))
    connection = http.client.HTTPConnection(WILDCARDS.get(host, host), int(port), timeout=ASK_SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    samples: Samples = {}
    if answer.status == OK:
        for family in text_string_to_metric_families(text):
            for name, labels, value, *_rest in family.samples:
                samples.setdefault(name, {})[tuple(labels[name] for name in sorted(labels))] = value
    if "haidang_agent_info" not in samples:
        raise ValueError(_("another program answers there"))
    return samples
