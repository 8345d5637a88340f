"""What host agents left with their school's relay while it was cut off, and how it gets into the store."""
