"""The relay: a site agent that host agents go through which may not, or cannot, reach the Internet (docs/relay.md).

Online it passes on bytes that it cannot read (`tunnel`, `door`). While the centre is away it keeps what the others have
sealed with their own keys (`frame`, `deposits`, `custody`), and hands it over when the centre is back (`forwarding`).
"""
