"""Which devices stand in the school's networks, and of what class each of them is."""
