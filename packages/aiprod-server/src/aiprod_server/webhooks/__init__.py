"""Webhooks: told to the right address, signed, tried again until they arrive."""
