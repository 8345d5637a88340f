"""What differs by operating system. Probes and commands ask here, and never look at `sys.platform` themselves."""
