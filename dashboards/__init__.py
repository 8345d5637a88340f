"""Grafana's dashboards as code: a module that has `build` is a dashboard, in Vietnamese and in English.

Made while developing: what ships is the JSON that `python -m dashboards` writes to `dashboards/json/`.
"""
