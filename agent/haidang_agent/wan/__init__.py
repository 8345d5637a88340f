"""Lines to the Internet: whether each works, how well, which one carries the traffic, and why one that fails does."""
