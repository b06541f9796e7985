"""max(x, 0)^power, an integer power, over a long float32 vector."""

import numpy as np
import torch
from data import array, on_gpu, tensor, uniform

BLOCK = 1 << 14  # elements: 64 KiB in and out stay in the second-level cache


def squarings(x, power, multiply):
    """x^power by repeated squaring; multiply(a, b) makes a new value."""
    result = None
    while True:
        if power & 1:
            result = x if result is None else multiply(result, x)
        power >>= 1
        if power == 0:
            return result
        x = multiply(x, x)


class Case:
    def __init__(self, sizes):
        self.power = sizes["power"]
        self.x = uniform(1, sizes["elements"]) * np.float32(2) - np.float32(1)
        self.y = np.empty_like(self.x)
        self.makers = {
            "default": self.torch_pow,
            "exp2(n log2 x)": self.torch_exp,
            "torch.compile squaring": self.compiled,
        }
        if not on_gpu():
            self.makers |= {"numpy": self.numpy_power, "torch squaring in blocks": self.blocks}

    def form(self, name):
        y = tensor(self.y)
        run = self.makers[name](tensor(self.x), y)

        def result():
            y.fill_(np.nan)
            run()
            return array(y)

        return run, result

    def torch_pow(self, x, y):
        return lambda: torch.pow(torch.relu(x), self.power, out=y)

    def torch_exp(self, x, y):
        def run():
            torch.clamp(x, min=0, out=y)
            y.log2_().mul_(self.power).exp2_()

        return run

    def numpy_power(self, x, y):
        x, y = x.numpy(), y.numpy()

        def run():
            np.maximum(x, 0, out=y)
            np.power(y, np.float32(self.power), out=y)

        return run

    def blocks(self, x, y):
        pairs = list(zip(x.split(BLOCK), y.split(BLOCK)))
        bits = bin(self.power)[3:]  # after the leading one: square, and multiply by x where the bit is set
        base = torch.empty(BLOCK)

        def run():
            for source, target in pairs:
                part = base[: source.numel()]
                torch.clamp(source, min=0, out=part)
                if bits:
                    torch.mul(part, part, out=target)
                    if bits[0] == "1":
                        target.mul_(part)
                else:
                    target.copy_(part)
                for bit in bits[1:]:
                    target.mul_(target)
                    if bit == "1":
                        target.mul_(part)

        return run

    def compiled(self, x, y):
        step = torch.compile(lambda a, out: out.copy_(squarings(torch.relu(a), self.power, torch.mul)), dynamic=False)
        return lambda: step(x, y)

    def reference(self):
        return np.maximum(self.x.astype(np.float64), 0) ** self.power
