"""The virtual school: real network namespaces with a router, ISPs, an Internet, a centre and PCs, and their faults."""

from tests.lab.node import Node
from tests.lab.school import VirtualSchool

__all__ = ["Node", "VirtualSchool"]
