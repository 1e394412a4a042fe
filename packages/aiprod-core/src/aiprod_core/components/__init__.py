"""The pure parts of a denoising run: schedule, noise, step, guidance."""
