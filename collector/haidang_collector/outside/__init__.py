"""What the Internet sees of a unit's own lines, for units that asked for it: which administration ports are open."""
