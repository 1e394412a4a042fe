"""The commands of `aiprod` that this package brings; each module is one, named in the entry points."""
