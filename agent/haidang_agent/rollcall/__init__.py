"""The roll call: the site's agent asks each computer's own agent, by UDP, which machine it is and in which room."""
