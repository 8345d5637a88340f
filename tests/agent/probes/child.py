"""Runs one probe in a process of its own, once for each line on stdin, and answers in JSON. See running.py."""

import json
import logging
import os
import resource
import sys
import time
from importlib import import_module
from pathlib import Path

from haidang_agent.probe import Host, NothingToMeasureError, ProbeError
from haidang_agent.registry import discover


def main(name: str, settings: str, nobody: str, max_files: str) -> None:
    probe = discover()[name]
    logging.basicConfig(level=logging.INFO)
    import_module("haidang_agent.discovery.survey")  # which `lan` imports late: nobody may not read root's Python
    if nobody == "True":
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    if max_files != "None":
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(max_files), int(max_files)))
    chosen = probe.settings(**{key: tuple(v) if isinstance(v, list) else v for key, v in json.loads(settings).items()})
    host, collector = Host(), None
    for _ in sys.stdin:
        began = time.monotonic()
        answer: dict[str, object] = {}
        try:
            collector = collector or probe.start(chosen, host)
            answer["samples"] = [
                [sample.metric.name, list(sample.labels), sample.value, sample.metric in probe.metrics]
                for sample in collector.collect()
            ]
        except NothingToMeasureError as absent:
            answer["absent"] = str(absent)
        except ProbeError as failed:
            answer |= {"reason": failed.reason, "detail": failed.detail}
        answer["seconds"] = time.monotonic() - began
        if max_files == "None":
            answer["files"] = sum(1 for _ in Path("/proc/self/fd").iterdir())
        print(json.dumps(answer), flush=True)
    if collector is not None:
        collector.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
