"""One layer of 3 x 3 convolutions in training: its maps, and the gradients of its images and filters.

Where factors are bfloat16, PyTorch is asked as its users do: float32 tensors under autocast, which rounds factors and results.
"""

import math

import torch
import torch.nn.functional as F
import data
from data import array, tensor, uniform

WINDOW = 3


class Case:
    def __init__(self, sizes):
        n, c, side = sizes["batch"], sizes["channels"], sizes["side"]
        self.rounded = bool(sizes["rounded"])
        self.numbers = [uniform(1, n, c, side, side) - 0.5, uniform(2, c, c, WINDOW, WINDOW) - 0.5, uniform(3, n, c, side, side) - 0.5]
        self.terms = [c * WINDOW**2, c * WINDOW**2, n * side**2]
        self.makers = {"default": {}, "channels-last": {"channels_last": True}}

    def form(self, name):
        layout = torch.channels_last if self.makers[name] else torch.contiguous_format
        return self.prepare(*[tensor(a).to(memory_format=layout) for a in self.numbers])

    def prepare(self, x, w, gy):
        x.requires_grad_()
        w.requires_grad_()
        enabled = self.rounded and x.dtype == torch.float32
        if enabled:
            gy = gy.bfloat16()

        def run():
            with torch.autocast(data.device.type, dtype=torch.bfloat16, enabled=enabled):
                y = F.conv2d(x, w, padding=WINDOW // 2)
            return y, *torch.autograd.grad(y, (x, w), gy)

        def result():
            parts = [(t.detach().double() / math.sqrt(terms)).flatten() for t, terms in zip(run(), self.terms)]
            return array(torch.cat(parts))

        return run, result

    def reference(self):
        factors = [tensor(a) for a in self.numbers]
        if self.rounded:
            factors = [t.bfloat16() for t in factors]
        _, result = self.prepare(*[t.double() for t in factors])
        return result()
