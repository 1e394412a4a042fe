"""The API over HTTP: what comes in, what goes out, and how errors are said."""
