"""The probes: one file each, found by folder. To add one, add a file here and its test; touch nothing else."""
