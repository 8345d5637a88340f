"""Computer rooms: which device stands in which, and who was seen there within 30 days."""
