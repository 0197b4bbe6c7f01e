"""f(y_t | y_{t-1}, tau): a posterior over a default policy's latents (appendix A).

Given y_{t-1}, the true posterior over y_t depends on the rows from t on and on none before. So a
recurrent network runs over the trajectory backwards, and each y_t is drawn given the network's
state at t and y_{t-1} (as in Krishnan, Shalit and Sontag 2017, eq. 12).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.nets.action_vectors import ActionVectors
from skill_train.skill_agents.nets.gaussian import Gaussian, GaussianHead
from skill_train.skill_agents.nets.mlp import MLP
from skill_train.skill_agents.nets.view import View


class Inference(nn.Module):
    """A trajectory's latents, drawn from their approximate posterior."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        groups: tuple[str, ...],
        latent_size: int,
        hidden: int,
        minimum_std: float,
    ) -> None:
        super().__init__()
        self.view = View(groups, spec.observation)
        self.latent_size = latent_size
        self.actions = ActionVectors(spec)
        self.backwards = nn.GRUCell(self.view.size + self.actions.size, hidden)
        self.torso = MLP(hidden + latent_size, (hidden,))
        self.head = GaussianHead(hidden, latent_size, 1.0, minimum_std, tanh_mean=False)

    def forward(self, rows: Step) -> tuple[Gaussian, Tensor]:
        """f at every row of a window and a draw from it, each ``[T, B, D]``, reparameterised.

        tau is the window, cut at the ends of episodes. A window's first row has no y_{t-1}: zero.
        """
        ahead = self._gathered(rows)
        noise = torch.randn(
            *ahead.shape[:-1], self.latent_size, dtype=ahead.dtype, device=ahead.device
        )
        latent = torch.zeros_like(noise[0])
        means, stds, latents = [], [], []
        for t in range(len(ahead)):
            last = latent.masked_fill(rows.is_first[t].unsqueeze(-1), 0.0)
            mean, std = self.head(self.torso(torch.cat([ahead[t], last], dim=-1)))
            latent = mean + std * noise[t]
            means.append(mean)
            stds.append(std)
            latents.append(latent)
        return Gaussian(torch.stack(means), torch.stack(stds)), torch.stack(latents)

    def _gathered(self, rows: Step) -> Tensor:
        """The backward state of each row's episode from that row on, ``[T, B, hidden]``."""
        goes_on = torch.cat([rows.valid(), torch.zeros_like(rows.is_first[:1])])
        goes_on = goes_on.unsqueeze(-1)
        # An episode's last row has no action; that of the window's last row is not used.
        observed = self.view(rows.observation)
        done = self.actions(rows.action, observed).masked_fill(~goes_on, 0.0)
        seen = torch.cat([observed, done], dim=-1)
        state = seen.new_zeros(seen.shape[1], self.backwards.hidden_size)
        states = []
        for t in reversed(range(len(seen))):
            state = self.backwards(seen[t], state.masked_fill(~goes_on[t], 0.0))
            states.append(state)
        return torch.stack(states[::-1])
