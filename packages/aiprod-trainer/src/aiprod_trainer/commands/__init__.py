"""Commands that the trainer adds to `aiprod`; each module is light to import and loads models when called."""
