"""Runs the whole system on one machine: processes started in order, watched, restarted, stopped in order."""
