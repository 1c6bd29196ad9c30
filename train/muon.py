"""Muon, an optimizer for the matrices inside a network.

K. Jordan 2024 (kellerjordan.github.io/posts/muon): momentum, then the nearest
orthogonal matrix by a Newton-Schulz iteration; scaled and decayed as in Liu et
al. 2025 (arXiv:2502.16982), so that AdamW's rates serve. Matrices of one shape
are turned in one batch of products.
"""
import torch

# Of the quintic whose iteration brings every singular value near 1 in few steps (Jordan).
A, B, C = 3.4445, -4.7750, 2.0315
STEPS = 5


def orthogonal(g):
    """[N, m, n] with m <= n to the same with every singular value near 1."""
    x = (g / (g.flatten(1).norm(dim=1)[:, None, None] + 1e-7)).to(torch.bfloat16)
    for _ in range(STEPS):
        s = torch.bmm(x, x.transpose(1, 2))
        x = A * x + torch.bmm(B * s + C * torch.bmm(s, s), x)
    return x.float()


class Muon(torch.optim.Optimizer):
    """Parameters of more than two dimensions count as [first, product of the others]."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(parameters, {"lr": lr, "momentum": momentum,
                                      "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            for alike in shapes.values():
                self.step_alike(alike, group)

    def step_alike(self, parameters, group):
        updates = []
        for p in parameters:
            momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
            momentum.mul_(group["momentum"]).add_(p.grad)
            update = (p.grad + group["momentum"] * momentum).flatten(1)
            updates.append(update if update.shape[0] <= update.shape[1] else update.t())
        updates = orthogonal(torch.stack(updates))
        scale = 0.2 * max(updates.shape[1:]) ** 0.5
        for p, update in zip(parameters, updates):
            update = update if update.shape[0] == p.shape[0] else update.t()
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(update.reshape(p.shape), alpha=-group["lr"] * scale)
