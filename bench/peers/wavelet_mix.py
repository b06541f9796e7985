"""A whole block of the wavelet hierarchy: the maps of a bank (wavelet_conv.py), mixed at each place by one matrix, and each place's numbers
divided by their Euclidean norm.

"default" and the forms that say so mix by a 1 x 1 convolution, the others by a product for each image or, where maps are small, by one over
all places.
"""

import numpy as np
import torch
import torch.nn.functional as F
from data import array, on_gpu, tensor, uniform
from wavelet_conv import Bank

TINY = 1e-30  # under the norm, so that 0 stays 0


def normalised(y, dim):
    return y.div_(torch.linalg.vector_norm(y, dim=dim, keepdim=True).clamp_(min=TINY))


class Case:
    def __init__(self, sizes):
        self.bank = Bank(sizes)
        self.mixing = uniform(2, sizes["outputs"], sizes["channels"] * (1 + sizes["orientations"])) - np.float32(0.5)
        self.w = tensor(self.mixing)
        self.y = self.w.new_empty(sizes["batch"], sizes["outputs"], self.bank.axis.outputs, self.bank.axis.outputs)
        self.makers = {name: lambda make=make, mix=self.mix_of(name): make(mix) for name, make in self.bank.makers.items()}
        for name in ("one convolution", "torch.compile, one convolution"):
            self.makers[f"{name}, 1 x 1 convolution"] = lambda make=self.bank.makers[name]: make(self.convolution)

    def mix_of(self, name):
        if name == "default":
            return self.convolution
        if self.bank.axis.outputs < 16:
            return self.product_over_places
        return self.product if on_gpu() or name.startswith("torch.compile") else self.product_by_image

    def form(self, name):
        run = self.makers[name]()
        return run, lambda: array(run())

    def convolution(self, maps):
        y = F.conv2d(maps, self.w[:, :, None, None])
        return y / y.norm(dim=1, keepdim=True).clamp(min=TINY)

    def product(self, maps):
        return normalised(torch.bmm(self.w.expand(len(maps), -1, -1), maps.flatten(2)), 1).view(self.y.shape)

    def product_by_image(self, maps):
        for x, y in zip(maps.flatten(2), self.y.flatten(2)):
            torch.mm(self.w, x, out=y)
        return normalised(self.y, 1)

    def product_over_places(self, maps):
        places = maps.permute(0, 2, 3, 1)
        y = normalised(places.flatten(0, 2) @ self.w.T, 1)
        return y.view(*places.shape[:3], -1).permute(0, 3, 1, 2).contiguous()

    def reference(self):
        maps = self.bank.reference()
        y = self.mixing.astype(np.float64) @ maps.reshape(*maps.shape[:2], -1)
        return (y / np.maximum(np.sqrt((y * y).sum(1, keepdims=True)), TINY)).reshape(self.y.shape)
