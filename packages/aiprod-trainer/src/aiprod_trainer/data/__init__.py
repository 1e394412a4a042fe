"""Data for training: what is made once and read many times."""
