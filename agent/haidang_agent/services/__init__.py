"""The online systems that a school uses, asked in turn: what the `services` probe tells."""
