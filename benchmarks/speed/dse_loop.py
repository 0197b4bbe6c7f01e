"""DSE-SAC in its plainest form: ordinary networks for each task, and a loop over the tasks.

The maths is that of `skill_agents.dse.sac`, with the same parameters and the same noise.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import Agent, Batch, Metrics, ParameterGroup
from skill_train.skill_agents.dse.sac import DSESAC
from skill_train.skill_agents.nets.stacked_mlp import StackedMLP


def network(stack: StackedMLP, n: int) -> nn.Sequential:
    """Network ``n`` of a stack as ordinary layers with the same parameters."""
    layers: list[nn.Module] = []
    for layer in stack.layers:
        linear = nn.Linear(*layer.weight.shape[1:], dtype=layer.weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(layer.weight[n].T)
            linear.bias.copy_(layer.bias[n, 0])
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class LoopedDSESAC(Agent):
    """A copy of ``stacked`` that learns task by task; made for the learner, not for acting."""

    acting_parts = ()

    def __init__(self, stacked: DSESAC) -> None:
        super().__init__()
        self.config = stacked.config
        self.view = stacked.q.view
        self.policy = copy.deepcopy(stacked.policy)
        self.embedding = copy.deepcopy(stacked.embedding)
        tasks = range(stacked.q.num_tasks)
        q, value, target = stacked.q.nets, stacked.value.nets, stacked.target_value.nets
        self.q1 = nn.ModuleList(network(q, n) for n in tasks)
        self.q2 = nn.ModuleList(network(q, n + len(tasks)) for n in tasks)
        self.value = nn.ModuleList(network(value, n) for n in tasks)
        self.target_value = nn.ModuleList(network(target, n) for n in tasks).requires_grad_(False)

    def act(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """The stacked agent's groups, with this agent's parameters."""
        c = self.config
        critics = [*self.q1.parameters(), *self.q2.parameters()]
        groups = {
            "policy": ParameterGroup(list(self.policy.parameters()), c.policy_learning_rate),
            "q": ParameterGroup(critics, c.q_learning_rate),
            "value": ParameterGroup(list(self.value.parameters()), c.value_learning_rate),
        }
        for name, part in self.embedding.groups().items():
            groups[name] = ParameterGroup(list(part.parameters()), c.embedding_learning_rate)
        return groups

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """The losses of section 5.2, one task after the other."""
        c, rows = self.config, batch["transitions"]
        task, seen = rows.task[0, :, 0].long(), self.view(rows.observation)
        numbers, action_size = rows.reward.shape[1:], rows.action.shape[-1]
        like = {"dtype": seen.dtype, "device": seen.device}
        latent_noise = torch.randn(*numbers, self.embedding.size, **like)
        action_noise = torch.randn(*numbers, action_size, **like)
        kappa, q_loss, value_loss = [], 0.0, 0.0
        for n in range(len(task)):
            index, k = task[n : n + 1], int(task[n])
            now = {name: array[0, n : n + 1] for name, array in rows.observation.items()}
            latent = self.embedding(index, latent_noise[n : n + 1])
            policy = self.policy(now, index, latent)
            action, log_prob = policy.reparameterize(action_noise[n : n + 1])
            drawn_at = torch.cat([seen[0, n], action[0]], -1)
            smaller = torch.minimum(self.q1[k](drawn_at), self.q2[k](drawn_at)).squeeze(-1)
            drawn = smaller - log_prob[0] / c.alpha_policy
            with torch.no_grad():
                target_value = drawn - self.embedding.information(index, latent)[0]
                future = self.target_value[k](seen[1, n]).squeeze(-1)
                target_q = rows.reward[0, n] + c.gamma * rows.discount[0, n] * future
            done_at = torch.cat([seen[0, n], rows.action[0, n]], -1)
            for q in (self.q1[k], self.q2[k]):
                q_loss = q_loss + (target_q - q(done_at).squeeze(-1)).square().mean()
            value = self.value[k](seen[0, n]).squeeze(-1)
            value_loss = value_loss + (target_value - value).square().mean()
            kappa.append(drawn.mean())
        objective = -torch.stack(kappa).mean() + self.embedding.cost_of(task)
        losses = {
            "policy": objective,
            "q": q_loss,
            "value": value_loss,
            **dict.fromkeys(self.embedding.groups(), objective),
        }
        return losses, {}

    def after_step(self, step: int) -> None:
        """Target V <- tau V + (1 - tau) target V."""
        with torch.no_grad():
            pairs = zip(self.target_value.parameters(), self.value.parameters(), strict=True)
            for target, source in pairs:
                target.lerp_(source, self.config.target_rate)
