"""Training of ResNet-18 (He, Zhang, Ren, Sun 2016) by gradient descent with momentum."""

import torch
import torch.nn.functional as F
from torch import nn
from training import Training


def convolution(channels, units, window, stride):
    return nn.Conv2d(channels, units, window, stride, (window - 1) // 2, bias=False)


class Block(nn.Module):
    def __init__(self, channels, units, stride):
        super().__init__()
        self.conv1, self.norm1 = convolution(channels, units, 3, stride), nn.BatchNorm2d(units)
        self.conv2, self.norm2 = convolution(units, units, 3, 1), nn.BatchNorm2d(units)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(convolution(channels, units, 1, stride), nn.BatchNorm2d(units))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


class Case(Training):
    def __init__(self, sizes):
        super().__init__(sizes)
        self.makers = {
            "default": {},
            "fused SGD": {"fused": True},
            "channels-last, fused SGD": {"channels_last": True, "fused": True},
            "torch.compile, channels-last, fused SGD": {"compiled": True, "channels_last": True, "fused": True},
        }

    def network(self):
        stem = [convolution(self.sizes["channels"], 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
        blocks = [
            block
            for before, units in ((64, 64), (64, 128), (128, 256), (256, 512))
            for block in (Block(before, units, units // before), Block(units, units, 1))
        ]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, self.sizes["classes"])]
        return nn.Sequential(*stem, *blocks, *head)

    def optimiser(self, parameters, rate, fused):
        return torch.optim.SGD(parameters, lr=rate, momentum=self.sizes["momentum"], fused=fused)
