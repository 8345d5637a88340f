"""`make demo`: the product in the virtual school, for a visitor to break."""
