"""How safe this machine is set up: a catalogue of checks, read from Linux's files or by one script from Windows."""
