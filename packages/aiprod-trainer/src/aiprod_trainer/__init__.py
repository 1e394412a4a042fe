"""The procedural world, training and evaluation of every model; knows nothing of films, HTTP or databases."""
