"""How good a clip is, and how alike two clips are."""
