"""Simple Recurrent Units in plain torch (Lei et al., EMNLP 2018), equal to the published package's equations."""

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

GATES = 3
"""Matrices of a layer: candidate, forget gate, reset gate; a fourth projects the highway where widths differ."""


class SRUOptions(NamedTuple):
    """Variants of SRU that the published package offers; its ``SRU`` has these defaults."""

    version: Literal["v2", "v1"] = "v2"
    """``v1``: gates do not see the state."""
    rescale: bool = False
    """Whether the highway is scaled by sqrt(1 + 2 exp(highway_bias)) to keep its variance."""
    highway_bias: float = 0.0
    """Initial bias of the reset gate; negative lets more of the input through."""


PUBLISHED = SRUOptions()


class SRULayer(nn.Module):
    """One layer of SRU.

    With U = x W, viewed as (hidden, 3 or 4)::

        f_t = sigmoid(u1 + b_f + v_f * c_{t-1})          v = 0 in version 1
        r_t = sigmoid(u2 + b_r + v_r * c_{t-1})
        c_t = f_t * c_{t-1} + (1 - f_t) * u0
        h_t = r_t * c_t + (1 - r_t) * x'                 x' = alpha * x, or u3 where input and hidden widths differ

    The recurrence runs in float32 under autocast. Names and layout of parameters are those of the published package.

    Source: Lei et al., "Simple Recurrent Units for Highly Parallelizable Recurrence", EMNLP 2018, equations 1 to 4
    and appendix A (initialisation); ``asappresearch/sru``.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        options: SRUOptions = PUBLISHED,
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.matrices = GATES + (inputs != hidden)
        self.highway_bias = options.highway_bias
        self.alpha = math.sqrt(1 + 2 * math.exp(options.highway_bias)) if options.rescale else 1.0
        self.weight = nn.Parameter(torch.empty(inputs, hidden * self.matrices))
        self.weight_c = nn.Parameter(torch.empty(2 * hidden)) if options.version == "v2" else None
        self.bias = nn.Parameter(torch.empty(2 * hidden))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw weights of unit output variance and set the biases, as published."""
        bound = math.sqrt(3 / self.weight.shape[0])
        self.weight.uniform_(-bound, bound)
        columns = self.weight.view(-1, self.hidden, self.matrices)
        if self.matrices > GATES:
            columns[:, :, 3].mul_(self.alpha)
        if self.weight_c is not None:
            columns[:, :, 1:3].mul_(math.sqrt(0.5))
            self.weight_c.uniform_(-math.sqrt(1.5), math.sqrt(1.5))
        self.bias.zero_()
        self.bias[self.hidden :].fill_(self.highway_bias)

    def forward(self, x: Float[Tensor, "B T D"], valid: Bool[Tensor, "B T"] | None = None) -> Float[Tensor, "B T H"]:
        """Hidden states of every step, from a zero state.

        Args:
            x: A sequence for each item of the batch.
            valid: Steps that exist; at others the state is kept and the output is 0.
        """
        mapped = (x @ self.weight).reshape(*x.shape[:2], self.hidden, self.matrices).float()
        candidate, forget, reset = mapped[..., 0], mapped[..., 1], mapped[..., 2]
        skip = mapped[..., 3] if self.matrices > GATES else x.float() * self.alpha
        bias_forget, bias_reset = self.bias.float().chunk(2)
        forget, reset = forget + bias_forget, reset + bias_reset
        state = torch.zeros_like(candidate[:, 0])
        outputs = []
        for step in range(x.shape[1]):
            gate_forget, gate_reset = forget[:, step], reset[:, step]
            if self.weight_c is not None:
                see_forget, see_reset = self.weight_c.float().chunk(2)
                gate_forget, gate_reset = gate_forget + see_forget * state, gate_reset + see_reset * state
            fresh = candidate[:, step] + (state - candidate[:, step]) * gate_forget.sigmoid()
            hidden = skip[:, step] + (fresh - skip[:, step]) * gate_reset.sigmoid()
            if valid is None:
                state = fresh
            else:
                exists = valid[:, step, None]
                state = torch.where(exists, fresh, state)
                hidden = torch.where(exists, hidden, torch.zeros_like(hidden))
            outputs.append(hidden)
        return torch.stack(outputs, dim=1)


class SRU(nn.Module):
    """Layers of SRU on top of each other; both ways in time where ``bidirectional``, their outputs side by side."""

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        layers: int = 3,
        bidirectional: bool = False,
        options: SRUOptions = PUBLISHED,
    ) -> None:
        super().__init__()
        self.outputs = hidden * (1 + bidirectional)

        def make(depth: int) -> SRULayer:
            width = inputs if depth == 0 else self.outputs
            return SRULayer(width, hidden, options)

        self.forward_layers = nn.ModuleList(make(depth) for depth in range(layers))
        self.backward_layers = nn.ModuleList(make(depth) for depth in range(layers)) if bidirectional else None

    def forward(self, x: Float[Tensor, "B T D"], valid: Bool[Tensor, "B T"] | None = None) -> Float[Tensor, "B T H"]:
        """Hidden states of the last layer; masks as in ``SRULayer``."""
        if self.backward_layers is None:
            for layer in self.forward_layers:
                x = layer(x, valid)
            return x
        flipped = None if valid is None else valid.flip(1)
        for ahead, back in zip(self.forward_layers, self.backward_layers, strict=True):
            x = torch.cat([ahead(x, valid), back(x.flip(1), flipped).flip(1)], dim=-1)
        return x
