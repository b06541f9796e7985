"""Training of a convolution, ReLU, a wide max pool and a softmax layer by Adam.

The faster forms pool first (ReLU is monotone, so function and gradient are the same), one direction after the other, which takes
2 x 11 comparisons in place of 11 x 11, in channels-last order.
"""

import torch
import torch.nn.functional as F
from torch import nn
from data import on_gpu
from training import Training


class Network(nn.Module):
    def __init__(self, sizes, pool, product):
        super().__init__()
        map_side = sizes["side"] - sizes["window"] + 1
        self.size, self.stride, self.pool, self.product = sizes["poolSize"], sizes["poolStride"], pool, product
        pooled = (map_side - self.size) // self.stride + 1
        self.convolution = nn.Conv2d(sizes["channels"], sizes["filters"], sizes["window"])
        self.linear = nn.Linear(sizes["filters"] * pooled**2, sizes["classes"])

    def forward(self, x):
        maps = self.patch_product(x) if self.product else self.convolution(x)
        if self.pool == "square":
            maps = F.max_pool2d(F.relu(maps), self.size, self.stride)
        else:
            maps = F.relu(F.max_pool2d(F.max_pool2d(maps, (self.size, 1), (self.stride, 1)), (1, self.size), (1, self.stride)))
        return self.linear(maps.flatten(1))

    def patch_product(self, x):
        """The same convolution as one product, which gives channels-last maps."""
        r = self.convolution.kernel_size[0]
        patches = x.unfold(2, r, 1).unfold(3, r, 1).permute(0, 2, 3, 1, 4, 5).flatten(3)
        return F.linear(patches, self.convolution.weight.flatten(1), self.convolution.bias).permute(0, 3, 1, 2)


class Case(Training):
    def __init__(self, sizes):
        super().__init__(sizes)
        best = {"pool": "separable", "channels_last": True, "fused": True}
        product = {"pool": "separable", "product": True, "fused": True}
        self.makers = {
            "default": {},
            "channels-last, fused Adam": {"channels_last": True, "fused": True},
            "separable pool, channels-last, fused Adam": best,
            "torch.compile, separable pool, channels-last, fused Adam": {**best, "compiled": True},
            "patch product, separable pool, fused Adam": product,
        }
        if not on_gpu():  # groups that the processor's caches hold
            self.makers |= {
                "separable pool, channels-last, fused Adam, groups of 25": {**best, "groups": 4},
                "separable pool, channels-last, fused Adam, groups of 10": {**best, "groups": 10},
                "patch product, separable pool, fused Adam, groups of 10": {**product, "groups": 10},
            }

    def network(self, pool="square", product=False):
        return Network(self.sizes, pool, product)

    def optimiser(self, parameters, rate, fused):
        return torch.optim.Adam(parameters, lr=rate, fused=fused, capturable=on_gpu())
