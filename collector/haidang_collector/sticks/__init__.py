"""What agents exported to a file while their link was down, and how it gets into the store."""
