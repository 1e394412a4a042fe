"""The cut: a timeline, its transitions and titles, and what renders it frame by frame."""
