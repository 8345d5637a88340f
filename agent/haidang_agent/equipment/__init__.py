"""What hangs on this machine: webcams, printers, displays for a room; only their numbers leave it (rows R5, R7)."""
