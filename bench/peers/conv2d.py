"""One layer of convolutions in training: its maps, and the gradients of its filters and, but for pixels, of its images.

Where factors are bfloat16, PyTorch is asked as its users do: float32 tensors under autocast, which rounds factors and results.
"""

import math

import torch
import torch.nn.functional as F
import data
from data import array, tensor, uniform


class Case:
    def __init__(self, sizes):
        n, channels, filters, side = sizes["batch"], sizes["from"], sizes["to"], sizes["side"]
        window, self.stride = sizes["window"], sizes["stride"]
        self.padding, self.pixels = window // 2, channels == 3
        self.rounded = bool(sizes["rounded"])
        out = side // self.stride
        self.numbers = [
            uniform(1, n, channels, side, side) - 0.5,
            uniform(2, filters, channels, window, window) - 0.5,
            uniform(3, n, filters, out, out) - 0.5,
        ]
        self.terms = [channels * window**2, n * out**2, filters * window**2]
        self.makers = {"default": {}, "channels-last": {"channels_last": True}}

    def form(self, name):
        layout = torch.channels_last if self.makers[name] else torch.contiguous_format
        return self.prepare(*[tensor(a).to(memory_format=layout) for a in self.numbers])

    def prepare(self, x, w, gy):
        of = (w,) if self.pixels else (w, x)
        for t in of:
            t.requires_grad_()
        enabled = self.rounded and x.dtype == torch.float32
        if enabled:
            gy = gy.bfloat16()

        def run():
            with torch.autocast(data.device.type, dtype=torch.bfloat16, enabled=enabled):
                y = F.conv2d(x, w, stride=self.stride, padding=self.padding)
            return y, *torch.autograd.grad(y, of, gy)

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
