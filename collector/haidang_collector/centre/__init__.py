"""What the centre sees for itself: portals, the Department's feed, mail domains; and when there is school."""
