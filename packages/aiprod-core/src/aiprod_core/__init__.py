"""Tensors of AIPROD: shapes, flow matching, samplers, guiders, the models, checkpoints; no media, no network."""
