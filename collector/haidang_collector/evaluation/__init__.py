"""From what the recording rules say to the evaluation that a department hands in."""
