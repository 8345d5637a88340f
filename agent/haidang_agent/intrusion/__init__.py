"""LAN watch, live: frames from the kernel to the detectors of `lanwatch`, rare active checks, and what became of it.

`capture` frames → `watching` (one thread) → `keeper` (what is open, counted once, kept over restarts);
`checking` (another thread) runs the active checks of `checks/`. Subjects and evidence stay on this machine.
"""
