"""Weights that are here and whole, and a process that calls nobody."""
