"""Colour: transfer functions, grading, looks, lookup tables, matching, high dynamic range."""
