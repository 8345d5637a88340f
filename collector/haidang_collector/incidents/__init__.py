"""What people do about incidents: acknowledge, note, assign, close; and how long that takes."""
