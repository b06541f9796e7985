"""Steps of training a network end to end: forward, cross-entropy, backward and the update of every parameter, minibatches in memory.

What a case compares is the output for one more minibatch after the first three steps from shared weights: every gradient and update
before them is in it. Timing goes on with a rate so small that the network stays as it is.
"""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
import data
from data import array, tensor, uniform

CHECK_STEPS = 3
STILL = 1e-6
FIRST_SEED = 10  # of the weights, which count on in the order of the layers


def start(module, numbers):
    """Weights uniform within 1 / sqrt(fan-in), from the shared numbers; biases and offsets 0, factors 1."""
    for name, p in module.named_parameters():
        with torch.no_grad():
            if p.dim() > 1:
                values = uniform(next(numbers), *p.shape).astype(np.float64) * 2 - 1
                p.copy_(torch.from_numpy((values / np.sqrt(p[0].numel())).astype(np.float32)))
            else:
                p.fill_(1 if name.endswith("weight") else 0)
    return module


class Training:
    """Subclasses give `makers` (form -> settings of `prepare`), `network(**settings)` and `optimiser(parameters, **settings)`."""

    def __init__(self, sizes):
        self.sizes = sizes
        b, c, side = sizes["batch"], sizes["channels"], sizes["side"]
        images = uniform(1, sizes["batches"], b, c, side, side)
        labels = (uniform(2, sizes["batches"] * b) * np.float32(sizes["classes"])).astype(np.int64).reshape(-1, b)
        self.images, self.labels = tensor(images), tensor(labels)
        self.cycle = len(images)

    def form(self, name):
        return self.prepare(**self.makers[name])

    def prepare(self, fused=False, compiled=False, channels_last=False, groups=1, dtype=torch.float32, **settings):
        """-> a step of training, and the result of the first ones. The gradients of `groups` parts of a minibatch are added up."""
        layout = torch.channels_last if channels_last else torch.contiguous_format
        network = start(self.network(**settings), itertools.count(FIRST_SEED)).to(device=data.device, dtype=dtype, memory_format=layout)
        batch = self.sizes["batch"]
        batches = [
            [(x.to(dtype=dtype, memory_format=layout), t) for x, t in zip(images.chunk(groups), labels.chunk(groups))]
            for images, labels in zip(self.images, self.labels)
        ]

        def loss_of(x, t):
            return F.cross_entropy(network(x), t, reduction="sum") / batch

        loss = torch.compile(loss_of, dynamic=False) if compiled else loss_of
        first = {name: value.clone() for name, value in network.state_dict().items()}
        optimiser = None

        def restart(rate):
            nonlocal optimiser
            network.load_state_dict(first)
            optimiser = self.optimiser(network.parameters(), rate, fused or None)

        def step(i):
            optimiser.zero_grad()
            for x, t in batches[i % len(batches)]:
                loss(x, t).backward()
            optimiser.step()

        def result():
            restart(self.sizes["learningRate"])
            for i in range(CHECK_STEPS):
                step(i)
            with torch.no_grad():
                outputs = torch.cat([network(x) for x, _ in batches[CHECK_STEPS % len(batches)]])
            restart(STILL)
            return array(outputs)

        restart(STILL)
        turn = itertools.count()
        return lambda: step(next(turn)), result

    def reference(self):
        _, result = self.prepare(dtype=torch.float64)
        return result()
