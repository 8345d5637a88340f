"""The registry: units and what is known of them, agents, enrolment tokens, incidents."""
