"""From one sentence to a film: the storyboard, and the build that makes it."""
