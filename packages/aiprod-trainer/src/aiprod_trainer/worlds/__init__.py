"""The procedural world: an endless, deterministic, captioned, sound-synchronous set of short animated scenes."""
