"""Who may do what: keys, roles, identity, limits, and the logs that remember."""
