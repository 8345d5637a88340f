"""SNMP of routers, ONTs, switches and printers: sessions over two libraries, and what is read through them."""
