"""Muon for the weight matrices of a small model on one core: same-shape matrices are orthogonalised in one stack."""

from collections import defaultdict

import torch


def orthogonalise(stack: torch.Tensor) -> torch.Tensor:
    """Five Newton-Schulz steps towards the nearest semi-orthogonal matrices; `stack` is [matrices, rows, columns]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = stack.size(1) > stack.size(2)
    x = stack.mT if tall else stack
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon:
    """Momentum with orthogonalised updates (Keller Jordan, 2024), fp32, Nesterov momentum 0.95, no weight decay."""

    def __init__(self, matrices: list[torch.Tensor], momentum: float = 0.95) -> None:
        self.momentum = momentum
        by_shape = defaultdict(list)
        for matrix in matrices:
            by_shape[tuple(matrix.shape)].append(matrix)
        self.groups = [(group, torch.zeros(len(group), *shape)) for shape, group in by_shape.items()]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for matrices, velocity in self.groups:
            gradient = torch.stack([matrix.grad for matrix in matrices])
            velocity.lerp_(gradient, 1 - self.momentum)
            update = orthogonalise(gradient.lerp(velocity, self.momentum))
            rows, columns = update.shape[1:]
            update *= rate * max(1.0, rows / columns) ** 0.5
            for matrix, change in zip(matrices, update, strict=True):
                matrix -= change
                matrix.grad = None
