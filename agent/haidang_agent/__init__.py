"""Hải Đăng's agent: measures a school's machines and network, and reports even after days offline."""

__version__ = "0.1.0"
