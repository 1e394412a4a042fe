"""The sound of a film: effects, ambience, music, the mix and its loudness."""
