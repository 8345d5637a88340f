"""Benchmarks: ours beside the peers', ratio in one run. `python -m benchmarks --help`."""
