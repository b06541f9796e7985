"""Moments of the maps of a wavelet bank (wavelet_conv.py): each map's mean, and the sum of its squares over images and places, in float64.

"default" squares in float64. The others square in float32 and add the sums of an image in float64.
"""

import numpy as np
import torch
from data import array
from wavelet_conv import Bank


class Case:
    def __init__(self, sizes):
        self.bank = Bank(sizes)
        self.places = sizes["batch"] * self.bank.axis.outputs**2
        self.makers = {name: lambda make=make: make(self.moments) for name, make in self.bank.makers.items()}
        self.makers["default"] = lambda: self.bank.makers["default"](self.moments_in_float64)

    def form(self, name):
        """The result is all means, then the mean squares."""
        run = self.makers[name]()

        def result():
            pooled, squares = run()
            return np.concatenate([array(pooled).ravel(), array(squares) / self.places])

        return run, result

    def moments_in_float64(self, maps):
        return maps.mean((2, 3)), maps.double().square().sum((0, 2, 3))

    def moments(self, maps):
        flat = maps.flatten(2)
        return flat.mean(2), (flat * flat).sum(2).sum(0, dtype=torch.float64)

    def reference(self):
        maps = self.bank.reference()
        return np.concatenate([maps.mean((2, 3)).ravel(), (maps * maps).mean((0, 2, 3))])
