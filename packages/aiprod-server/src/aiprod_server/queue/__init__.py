"""The durable queue: what clients ask of it, what workers do with it, and what is written beside a job."""
