"""Grafana: its tokens here, and what the centre puts into it."""
