"""Minibatch steps of a softmax readout, one linear layer trained by Adam on features in memory.

Each minibatch gathers its rows in shuffled order, as training does. The form that takes the rows as they lie is there to show what the
gather costs; it does less work, so it is no candidate for the best. Adam is PyTorch's own in all.
"""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
import data
from data import array, on_gpu, tensor, uniform

CHECK_STEPS = 3  # an epoch's first minibatches, in order


class Case:
    def __init__(self, sizes):
        self.sizes = sizes
        self.cycle = sizes["rows"] // sizes["batch"]
        rows, inputs, targets = sizes["rows"], sizes["inputs"], sizes["targets"]
        self.features = uniform(1, rows, inputs)
        self.labels = (uniform(2, rows) * np.float32(targets)).astype(np.int64)
        self.makers = {
            "default": self.layer,
            "fused Adam": lambda: self.layer(fused=True),
            "fused Adam, own gradient": self.own_gradient,
            "torch.compile, own gradient": lambda: self.own_gradient(gradient=torch.compile(self.gradient, dynamic=False)),
            "fused Adam, own gradient, no gather": lambda: self.own_gradient(gathered=False),
        }
        self.lighter = ["fused Adam, own gradient, no gather"]

    def form(self, name):
        step, w, restart = self.makers[name]()
        turn = itertools.cycle(range(self.cycle))

        def result():
            restart()
            for i in range(CHECK_STEPS):
                step(i)
            return array(w)

        return lambda: step(next(turn)), result

    def minibatches(self, gathered):
        """take(i) -> features and labels of minibatch i. Gathered rows come in an order that makes i's rows the same ones, shuffled."""
        x, t = tensor(self.features), tensor(self.labels)
        b = self.sizes["batch"]
        if not gathered:
            return lambda i: (x[i * b : (i + 1) * b], t[i * b : (i + 1) * b])
        order = torch.cat([i + torch.randperm(b) for i in range(0, self.sizes["rows"], b)]).to(data.device)
        rows = torch.empty(b, self.sizes["inputs"], device=data.device)

        def take(i):
            index = order[i * b : (i + 1) * b]
            return torch.index_select(x, 0, index, out=rows), t[index]

        return take

    def layer(self, fused=False):
        """nn.Linear, cross-entropy, backward, Adam."""
        take = self.minibatches(True)
        layer = torch.nn.Linear(self.sizes["inputs"], self.sizes["targets"], device=data.device)
        optimiser = None

        def restart():
            nonlocal optimiser
            with torch.no_grad():
                layer.weight.zero_()
                layer.bias.zero_()
            optimiser = torch.optim.Adam(layer.parameters(), lr=self.sizes["learningRate"], fused=fused or None, capturable=on_gpu())

        restart()

        def step(i):
            x, t = take(i)
            optimiser.zero_grad()
            F.cross_entropy(layer(x), t).backward()
            optimiser.step()

        return step, layer.weight, restart

    def gradient(self, x, t, w, b):
        g = torch.softmax(torch.addmm(b, x, w.T), dim=1)
        g[torch.arange(x.shape[0], device=x.device), t] -= 1
        g /= x.shape[0]
        return g.T @ x, g.sum(0)

    def own_gradient(self, gathered=True, gradient=None):
        """Without autograd; gradient and Adam written out, Adam by PyTorch's fused kernel."""
        take = self.minibatches(gathered)
        gradient = gradient or self.gradient
        inputs, targets = self.sizes["inputs"], self.sizes["targets"]
        w, b = torch.zeros(targets, inputs, device=data.device), torch.zeros(targets, device=data.device)
        optimiser = None

        def restart():
            nonlocal optimiser
            w.zero_()
            b.zero_()
            optimiser = torch.optim.Adam([w, b], lr=self.sizes["learningRate"], fused=True, capturable=on_gpu())

        restart()

        def step(i):
            x, t = take(i)
            with torch.no_grad():
                w.grad, b.grad = gradient(x, t, w, b)
            optimiser.step()

        return step, w, restart

    def reference(self):
        """float64 weights after the first steps from zero (Kingma and Ba 2015, algorithm 1)."""
        size, rate = self.sizes["batch"], self.sizes["learningRate"]
        w = np.zeros((self.sizes["targets"], self.sizes["inputs"]))
        b = np.zeros(self.sizes["targets"])
        moments = [(np.zeros_like(p), np.zeros_like(p)) for p in (w, b)]
        for i in range(CHECK_STEPS):
            x = self.features[i * size : (i + 1) * size].astype(np.float64)
            t = self.labels[i * size : (i + 1) * size]
            logits = x @ w.T + b
            g = np.exp(logits - logits.max(axis=1, keepdims=True))
            g /= g.sum(axis=1, keepdims=True)
            g[np.arange(size), t] -= 1
            g /= size
            for p, (m, v), d in zip((w, b), moments, (g.T @ x, g.sum(0))):
                m += 0.1 * (d - m)
                v += 0.001 * (d * d - v)
                p -= rate * (m / (1 - 0.9 ** (i + 1))) / (np.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8)
        return w
