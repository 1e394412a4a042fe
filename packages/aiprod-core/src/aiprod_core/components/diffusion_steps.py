"""Steps along the flow."""

from torch import Tensor


def euler_flow_step(x: Tensor, v: Tensor, t: Tensor, t_next: Tensor) -> Tensor:
    """One Euler step of `dx/dt = v` from `t` to `t_next`; both broadcast against `x`."""
    return x + (t_next - t).to(x.dtype) * v
