"""How an order is carried out: the states of its way, the agents that work in them, and the file that says all that."""
