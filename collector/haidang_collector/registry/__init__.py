"""The registry: units, agents, enrolment tokens, incidents."""
