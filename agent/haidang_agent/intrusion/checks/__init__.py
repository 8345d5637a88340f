"""One active check a file, found by folder; each ends in `CHECK = Check(…)`. See `intrusion/check.py`."""
