"""The sovereign models, one file each: its configurations, the model, its blocks."""
