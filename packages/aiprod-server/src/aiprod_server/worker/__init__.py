"""Rendering: a worker claims jobs and gives them to a child process that keeps the models warm."""
