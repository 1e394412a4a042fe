"""Edges are lines where the luma is steep, black where it is flat, whatever the colours are called."""

import torch

from aiprod_core.edges import edges


def test_a_flat_clip_has_no_edges() -> None:
    assert torch.equal(edges(torch.full((3, 2, 8, 8), 0.3)), torch.full((3, 2, 8, 8), -1.0))


def test_a_step_is_a_line_along_it_in_both_directions() -> None:
    upright = -torch.ones(3, 1, 8, 8)
    upright[..., 4:] = 1.0
    for video in (upright, upright.transpose(-1, -2)):
        found = edges(video)
        assert found.shape == video.shape
        line = found if video is upright else found.transpose(-1, -2)
        assert (line[..., 3:5] == 1).all()
        assert (line[..., :2] == -1).all()


def test_edges_stay_when_the_picture_is_inverted() -> None:
    video = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(edges(video), edges(-video))
