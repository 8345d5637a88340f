"""What regulations ask for, as data."""
