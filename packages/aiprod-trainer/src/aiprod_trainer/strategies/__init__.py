"""Strategies: what a batch is and what is lost on it, one file a model."""
