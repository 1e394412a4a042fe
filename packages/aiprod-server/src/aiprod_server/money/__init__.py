"""What the service costs: rates, what a request will take and cost, what was charged, day by day."""
