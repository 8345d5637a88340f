"""Telling people of incidents: whom, when, in which words; kept in the database until a provider has taken it."""
