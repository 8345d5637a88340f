"""What a server must keep going: its services, its certificates and its backups."""
