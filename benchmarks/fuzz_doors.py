"""What agents, relays, operators with a stick and Alertmanager send, sound and spoilt, for the fuzzer."""

from __future__ import annotations

import hmac
import json
import struct
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from haidang_collector.registry.credentials import secret_hash

from benchmarks.fuzz_city import AGENTS, TOKENS, UNITS, agent_id, key_of, token_of
from benchmarks.fuzz_noise import Input, bent, json_bent, text
from tests.collector import remote_write as rw
from tests.collector.ingest import full_parse

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from benchmarks.fuzz_city import City
    from benchmarks.fuzz_noise import Target

OF_ONE_UNIT = range(0, 50, len(UNITS))
HEADERS = (
    "content-length", "content-type", "content-encoding", "authorization", "x-forwarded-for", "host", "haidang-goodbye",
    "haidang-scrape-port", "if-none-match", "expect", "transfer-encoding",
)  # fmt: skip
PATTERNS = (
    b"\x0a\x00",
    b"\x1a\x00",
    b"\x00",
    b"\x0a\x02\x0a\x00",
    b"\x0a\x02\x12\x00",
    b"\x2b",
    b"\x0a\x04\x0a\x02\x0a\x00",
)
STAMPED = b"\x12\x10\x09" + bytes(8) + b"\x10" + rw.varint(1_795_000_000_000)


def bearer(noise: random.Random, agents: range = range(50)) -> str:
    """Of an agent that is enrolled; now and then of one that is not, or nothing of the kind."""
    number = noise.choice(agents)
    sound = f"Bearer {agent_id(number)}.{key_of(number)}"
    if noise.random() < 0.97:
        return sound
    strange = ("", "Bearer", "Basic YTpi", sound[:-1], sound + "x", f"Bearer {text(noise)}.{text(noise)}", sound * 9)
    return noise.choice(strange)


class Door:
    """One route. `method`, `path`, `kind` (its Content-Type) and what a sound body of it is."""

    method, path, kind = "POST", "", "application/json"

    def __init__(self, city: City) -> None:
        self.city = city

    def body(self, _: random.Random) -> bytes:
        """A sound one: none, unless the door takes one."""
        return b""

    def headers(self, noise: random.Random) -> dict[str, str]:
        return {"authorization": bearer(noise)}

    def make(self, noise: random.Random) -> Input:
        how = {"content-type": self.kind} | self.headers(noise)
        content = self.body(noise)
        if noise.random() < 0.5:
            how["content-length"] = str(len(content))
        if noise.random() < 0.1:
            how[noise.choice(HEADERS)] = text(noise)
        if noise.random() < 0.05:
            how["x-forwarded-for"] = noise.choice(
                ("14.160.0.1", "10.0.0.1, 14.160.0.1", "2001:ee0::1", "14.160.0.1," * 99)
            )
        if noise.random() < 0.05:
            how[":parts"] = noise.choice(("3", "200", "cut"))
        return Input(content, how)

    async def give(self, made: Input) -> str:
        status, answer = await self.city.ask(self.method, self.path, made)
        if status < 300:
            self.city.grown.update(self.grows(status, answer))
        return str(status)

    def grows(self, status: int, answer: bytes) -> Mapping[str, int]:
        """By how many rows an answer explains that tables grew."""
        del status, answer
        return {}


class Write(Door):
    path, kind = "/api/v1/write", "application/x-protobuf"

    def headers(self, noise: random.Random) -> dict[str, str]:
        spoilt = noise.random() < 0.05
        encoding = noise.choice(("gzip", "identity", " SNAPPY ", "snappy, gzip")) if spoilt else "snappy"
        return super().headers(noise) | {"content-encoding": encoding}

    def body(self, noise: random.Random) -> bytes:
        return write_body(noise)


class Relay(Door):
    path, kind = "/api/v1/relay", "application/octet-stream"

    def headers(self, noise: random.Random) -> dict[str, str]:
        return {"authorization": bearer(noise, OF_ONE_UNIT)}

    def body(self, noise: random.Random) -> bytes:
        return _sealed(noise)


def _sealed(noise: random.Random) -> bytes:
    """What an agent leaves with a relay."""
    writer = noise.choice(OF_ONE_UNIT) if noise.random() < 0.9 else noise.randrange(50)
    label = {"agent": agent_id(writer), "frame": f"{noise.randrange(5000):032x}"}
    head = b"HAIDANG-RELAY 1\n" + json.dumps(maybe_bent(noise, label)).encode() + b"\n"
    signed = head + write_body(noise)
    key = hmac.digest(secret_hash(key_of(writer)).encode(), b"haidang-relay-1", "sha256")
    frame = head + hmac.digest(key, signed, "sha256") + signed[len(head) :]
    return bent(noise, frame) if noise.random() < 0.3 else frame


class Stick(Door):
    path, kind = "/api/v1/import", "application/octet-stream"

    def body(self, noise: random.Random) -> bytes:
        writer = noise.choice(OF_ONE_UNIT) if noise.random() < 0.5 else noise.randrange(50)
        number = noise.choice((*range(20), 20_000, 20_001, 99_999, 100_000, 2**32 - 1))
        line = json.dumps(
            maybe_bent(noise, {"agent": agent_id(writer), "export": f"{noise.randrange(9):08x}"})
        ).encode()
        body = noise.choices((b"", _sealed(noise), write_body(noise)), (5, 30, 65))[0]
        key = hmac.digest(secret_hash(key_of(writer)).encode(), b"haidang-export-1", "sha256")
        signature = hmac.digest(key, line + b"\n" + struct.pack(">I", number) + body, "sha256")
        length = len(body) if noise.random() < 0.9 else noise.choice((0, 1, 4 << 20, 2**32 - 1))
        frame = struct.pack(">II32s", number, length, signature) + body
        whole = b"HAIDANG-EXPORT 1\n" + line + b"\n" + frame * (2 if noise.random() < 0.05 else 1)
        return bent(noise, whole) if noise.random() < 0.3 else whole

    def grows(self, status: int, answer: bytes) -> Mapping[str, int]:
        del status
        told = json.loads(answer)
        return {"imported_frame": 0 if told["again"] else 1}


class Enrol(Door):
    path = "/api/v1/enrol"

    def body(self, noise: random.Random) -> bytes:
        asked = {
            "token": token_of(noise.randrange(TOKENS + 3)),
            "key": key_of(noise.randrange(AGENTS, 10 * AGENTS)),
            "roles": noise.sample(["site", "router", "host"], noise.randint(1, 3)),
            "version": "0.1.0",
            "os": "linux",
        }
        return json_body(noise, asked)

    def grows(self, status: int, answer: bytes) -> Mapping[str, int]:
        del answer
        return {"agent": 1, "enrolment": 1} if status == 201 else {}


class Config(Door):
    method, path = "GET", "/api/v1/agent/config"

    def body(self, noise: random.Random) -> bytes:
        del noise
        return b""

    def headers(self, noise: random.Random) -> dict[str, str]:
        words = (f"{noise.randrange(20):032x}", "", "*", '"x", W/"y"', text(noise))
        names = ("haidang-config", "haidang-run", "haidang-export", "if-none-match")
        told = {name: noise.choice(words) for name in names if noise.random() < 0.7}
        return {"authorization": bearer(noise, range(100, AGENTS))} | told


class NewKey(Door):
    path = "/api/v1/agent/key"

    def headers(self, noise: random.Random) -> dict[str, str]:
        number = noise.randrange(50, 100)
        return {"authorization": f"Bearer {agent_id(number)}.{key_of(number, noise.randrange(4))}"}

    def body(self, noise: random.Random) -> bytes:
        return json_body(noise, {"key": key_of(noise.randrange(50, 100), noise.randrange(4))})


class Doctor(Door):
    path = "/api/v1/agent/doctor"

    def headers(self, noise: random.Random) -> dict[str, str]:
        return {"authorization": bearer(noise, range(100, AGENTS))}

    def body(self, noise: random.Random) -> bytes:
        check = {"check": "clock", "state": noise.choice(("ok", "warn", "fail")), "case": "ntp", "probe": ""}
        return json_body(noise, {"version": "0.1.0", "checks": [check] * noise.choice((1, 5, 100, 101))})

    def grows(self, status: int, answer: bytes) -> Mapping[str, int]:
        del status, answer
        return {"doctor_report": 1}


class Alerts(Door):
    path = "/api/v1/alertmanager"

    def headers(self, noise: random.Random) -> dict[str, str]:
        del noise
        return {}

    def body(self, noise: random.Random) -> bytes:
        began = datetime(2026, 11, 1 + noise.randrange(3), tzinfo=UTC).isoformat()
        labels = {"alertname": "AgentSilent", "unit": noise.choice(UNITS), "district": "Quận 1", "severity": "warning"}
        alert = {
            "status": noise.choice(("firing", "resolved")), "labels": labels, "annotations": {"summary": "…"},
            "startsAt": began, "endsAt": began, "fingerprint": f"{noise.randrange(20):016x}",
        }  # fmt: skip
        return json_body(noise, {"version": "4", "alerts": [alert] * noise.choice((0, 1, 1, 1, 3))})

    def grows(self, status: int, answer: bytes) -> Mapping[str, int]:
        del status
        alerts = json.loads(answer)["alerts"]
        return {"incident": alerts, "incident_handling": alerts, "incident_event": 2 * alerts}


class Upload(Door):
    """The page that takes a table, as a browser on this machine sends it."""

    path, kind = "/registry/import", "multipart/form-data; boundary=x"
    csrf = "c" * 43

    def headers(self, noise: random.Random) -> dict[str, str]:
        del noise
        return {"cookie": f"haidang_form={self.csrf}"}

    def body(self, noise: random.Random) -> bytes:
        table = "code,name,district,level\nTH-001,Trường Sao Mai,Quận 1,TH\n".encode()
        fields = {"csrf": self.csrf, "kind": noise.choice(("units", "labs", "contacts", text(noise)))}
        if noise.random() < 0.3:
            fields["replace"] = "1"
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{told}\r\n' for name, told in fields.items()
        ]
        file = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
        spoilt = bent(noise, table) if noise.random() < 0.7 else table
        whole = "".join(parts).encode() + file.encode() + spoilt + b"\r\n--x--\r\n"
        return bent(noise, whole) if noise.random() < 0.4 else whole


DOORS: Mapping[str, type[Door]] = {
    "write": Write, "relay": Relay, "stick": Stick, "enrol": Enrol, "config": Config, "key": NewKey, "doctor": Doctor,
    "alerts": Alerts, "upload": Upload,
}  # fmt: skip


def maybe_bent(noise: random.Random, told: dict[str, Any]) -> object:
    return json_bent(noise, told) if noise.random() < 0.1 else told


def json_body(noise: random.Random, told: object) -> bytes:
    match noise.randrange(10):
        case 0 | 1 | 2 | 3:
            told = json_bent(noise, told)
        case 4 | 5:
            return bent(noise, json.dumps(told).encode())
        case 6 if noise.random() < 0.1:
            depth = noise.choice((100, 5_000))
            return b"[" * depth + b"]" * noise.choice((0, depth))
        case _:
            pass
    return json.dumps(told, ensure_ascii=noise.random() < 0.5).encode(errors="surrogatepass")


def write_body(noise: random.Random) -> bytes:
    """Sound, spoilt as protobuf, spoilt as snappy, or much of nothing."""
    kind = noise.random()
    if kind < 0.02:
        claimed = noise.choice((0, 1, 255 << 10, 32 << 20, (32 << 20) + 1, 2**32 - 1, 2**35))
        return rw.varint(claimed) + noise.randbytes(noise.choice((0, 1, 100)))
    if kind < 0.025:
        count = noise.choice((1_000, 20_000, 20_001, 200_001))
        repeated = noise.choice(PATTERNS) * count
        head = noise.choice((b"", rw.label("__name__", "up")))
        return rw.snappy(
            noise.choice((repeated, rw.field(1, head + repeated), rw.field(1, head + STAMPED) * (count // 20)))
        )
    message = full_parse.generated(noise, time.time())
    if kind < 0.5:
        message = full_parse.mutated(noise, message)
    body = rw.snappy(message)
    return bent(noise, body) if kind > 0.9 else body


def targets(of: City) -> dict[str, Target]:
    return {name: door(of) for name, door in DOORS.items()}
