"""A city that does not exist: its registry, its agents and what is true of it, all from one seed."""
