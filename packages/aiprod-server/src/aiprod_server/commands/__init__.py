"""The commands of this package; `aiprod` finds them by their entry points."""
