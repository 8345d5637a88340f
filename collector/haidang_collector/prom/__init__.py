"""Asking the store for a part of the city only: a PromQL proxy for Grafana's data sources and for pages."""
