"""The probe `intrusion` in a process of its own; see watched.py. Each line on stdin is answered by a line of JSON.

`look`: what it tells; `stop`: closes it. Memory and totals are read from a file first and written to it at the end.
Of the settings `wan` are interfaces of lines to ISPs.
"""

import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

from haidang_agent.probe import Host, Memory, NothingToMeasureError, ProbeError, Totals, Watch
from haidang_agent.probes.intrusion import PROBE, Settings
from haidang_agent.tables import Wan


def main(folder: Path, settings: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.INFO)
    stored = folder / "stored.json"
    kept = json.loads(stored.read_text()) if stored.exists() else {"memory": {}, "totals": {}}
    lines = tuple(Wan(name, "an ISP", interface=name) for name in settings.pop("wan", ()))
    host = Host(totals=Totals(kept["totals"]), memory=Memory(kept["memory"]), state_dir=folder, watch=Watch(wan=lines))
    chosen = Settings(**{key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()})
    probe = None
    for line in sys.stdin:
        answer: dict[str, object] = {}
        try:
            probe = probe or PROBE.start(chosen, host)
            if line.strip() == "stop":
                probe.close()
            else:
                answer["samples"] = [
                    [sample.metric.name, list(sample.labels), sample.value] for sample in probe.collect()
                ]
        except (NothingToMeasureError, ProbeError) as failed:
            answer["problem"] = str(failed)
        answer["memory"] = host.memory.copy()
        answer["processor_seconds"] = time.process_time()
        answer["rss_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        stored.write_text(json.dumps({"memory": host.memory.copy(), "totals": host.totals.copy()}))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
