"""How safely the unit's web portal is set up: a catalogue of checks, by what anybody may ask a web server."""
