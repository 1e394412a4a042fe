"""What proves where a clip comes from."""
