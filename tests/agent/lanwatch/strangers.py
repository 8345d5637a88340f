"""Frames of hosts that nobody has met before and nobody meets again: what tables must not grow by."""

from __future__ import annotations

import struct
from random import Random

from tests.agent.lanwatch.building import (
    EVERYBODY,
    asks,
    datagram,
    dhcp_client,
    dns,
    ip,
    packet,
    replies,
    router_advertisement,
    solicits,
)

RANDOM = Random(5)


def random_mac() -> str:
    return "02:" + RANDOM.randbytes(5).hex(":")


def random_ip() -> str:
    return f"10.{RANDOM.randrange(256)}.{RANDOM.randrange(256)}.{RANDOM.randrange(1, 255)}"


def random_arp(_count: int) -> bytes:
    who = random_mac()
    return (
        asks(who, random_ip(), random_ip())
        if RANDOM.random() < 0.5
        else replies(who, random_ip(), random_mac(), random_ip())
    )


def random_dhcp(count: int) -> bytes:
    return dhcp_client(RANDOM.choice([1, 3, 4]), count, random_mac(), options=[(50, ip(random_ip()))])


def random_dns(count: int) -> bytes:
    client, server = (random_mac(), random_ip(), RANDOM.randrange(65536)), (random_mac(), random_ip(), 53)
    if RANDOM.random() < 0.5:
        return datagram(client, server, dns(count & 0xFFFF, f"{count}.vn"))
    return datagram(server, client, dns(count & 0xFFFF, f"{count}.vn", [random_ip()], response=True))


def random_ipv6(count: int) -> bytes:
    address = "fe80::" + ":".join(RANDOM.randbytes(2).hex() for _ in range(4))
    if RANDOM.random() < 0.5:
        return router_advertisement(random_mac(), address, prefix=f"2001:db8:{count & 0xFFFF:x}::")
    return solicits(random_mac(), address)


def random_traffic(count: int) -> bytes:
    if RANDOM.random() < 0.5:
        public = f"8.{RANDOM.randrange(256)}.{RANDOM.randrange(256)}.8"
        return packet((random_mac(), random_ip()), (random_mac(), public))
    return datagram((random_mac(), random_ip(), 1), (random_mac(), random_ip(), 2), struct.pack("!I", count))


def random_broadcast(count: int) -> bytes:
    return datagram((random_mac(), random_ip(), 9), (EVERYBODY, "255.255.255.255", 9), struct.pack("!I", count))


MAKERS = [random_arp, random_dhcp, random_dns, random_ipv6, random_traffic, random_broadcast]
