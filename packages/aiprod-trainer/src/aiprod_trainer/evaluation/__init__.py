"""Figures: what clips are measured by."""
