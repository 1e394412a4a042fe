"""Media, generation pipelines, proof and the `aiprod` command; knows nothing of training, HTTP or databases."""
