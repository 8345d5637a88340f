"""Attacks and faults on a school's LAN, told from the frames that pass.

Frames come from a capture file (`pcap`) or from a socket, are taken apart (`frames`, `protocols`) and shown to every
detector of `detectors/`, which answers with changes of incidents (`incident`). All tables are bounded.
"""
