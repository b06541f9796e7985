"""The normalised, rectified-power convolution with its max pool: max over the window of max(w . v / |v|, 0)^power.

"default" writes the formula as it stands. The best forms pool before the power (it is monotone), work on groups of images that fit the
cache, and take the map in channels-last order, which is what a product of patches with filters gives.
"""

import numpy as np
import torch
import torch.nn.functional as F
import data
from data import on_gpu, tensor, uniform, unit_rows
from rectified_power import squarings

TINY = 1e-30  # under the squared norm, so that a zero patch gives 0


def doubling_max(a, size, dim):
    """Max over windows of `size` at every second place along dim: pairs, fours, eights, joined by the bits of size / 2."""
    outputs = (a.shape[dim] - size) // 2 + 1

    def every_second(start, count):
        return a[(slice(None),) * dim + (slice(start, start + 2 * count - 1, 2),)]

    pairs = size // 2
    span = torch.maximum(every_second(0, outputs + pairs - 1), every_second(1, outputs + pairs - 1))
    result, offset, width = None, 0, 1
    while pairs:
        if pairs & 1:
            part = span.narrow(dim, offset, outputs)
            result = part if result is None else torch.maximum(result, part)
            offset += width
        pairs >>= 1
        if pairs:
            length = span.shape[dim] - width
            span = torch.maximum(span.narrow(dim, 0, length), span.narrow(dim, width, length))
            width *= 2
    return torch.maximum(result, every_second(size - 1, outputs)) if size & 1 else result


def separable_pool(cosine, size, stride, padding=0):
    """A maximum over columns, then over rows."""
    columns = F.max_pool2d(cosine, (size, 1), (stride, 1), (padding, 0))
    return F.max_pool2d(columns, (1, size), (1, stride), (0, padding))


def convolved_cosines(x, w, ones):
    """[n,K,P,Q] by two convolutions; `ones` is a filter of ones."""
    scale = F.conv2d(x * x, ones).clamp_(min=TINY).rsqrt_()
    return F.conv2d(x, w.contiguous(memory_format=torch.channels_last)).mul_(scale)


def unit_patches(x, window):
    """[n,P,Q,C*R*S], of length 1."""
    v = x.unfold(2, window, 1).unfold(3, window, 1).permute(0, 2, 3, 1, 4, 5).flatten(3)
    return v * (v * v).sum(3, keepdim=True).clamp_(min=TINY).rsqrt_()


def product_cosines(x, w):
    """[n,P,Q,K] by a product of patches with filters."""
    return unit_patches(x, w.shape[-1]) @ w.flatten(1).T


class Case:
    def __init__(self, sizes):
        self.sizes = sizes
        n, k, c, w = sizes["batch"], sizes["filters"], sizes["channels"], sizes["window"]
        self.window, self.power, self.pool = w, sizes["power"], (sizes["poolSize"], sizes["poolStride"])
        self.images = uniform(1, n, c, sizes["height"], sizes["width"])
        if sizes["bytes"]:
            self.images = np.floor(self.images * 256) / np.float32(255)
        self.signs = bool(sizes["bothSigns"])
        rows = uniform(2, k, c * w * w)
        self.filters = unit_rows(rows - np.float32(0.5) if self.signs else rows).reshape(k, c, w, w)
        self.x, self.w = tensor(self.images), tensor(self.filters)
        self.ones = torch.ones(1, c, w, w, device=data.device)
        self.makers = {
            "default": self.literal,
            "literal, channels-last": self.literal_channels_last,
            "pool first, whole batch": lambda: self.chunked(n, self.conv_group),
        }
        if on_gpu():  # a batch fills it, and groups would only be more launches
            self.makers |= {
                "torch.compile": lambda: torch.compile(self.literal(), dynamic=False),
                "patch product, whole batch": lambda: self.chunked(n, self.product_group),
                "torch.compile, pool first": lambda: self.chunked(n, torch.compile(self.conv_group, dynamic=False)),
            }
            if sizes["poolStride"] == 2:
                self.makers |= {
                    "patch product, doubling pool": lambda: self.chunked(n, self.doubling_group),
                    "torch.compile, patch product, doubling pool": lambda: self.chunked(
                        n, torch.compile(self.doubling_group, dynamic=False)
                    ),
                }
            return
        self.makers |= {
            "pool first, groups of 4": lambda: self.chunked(4, self.conv_group),
            "patch product, groups of 2": lambda: self.chunked(2, self.product_group),
        }
        if sizes["poolStride"] == 2:
            for group in (3, 4, 6):
                self.makers[f"patch product, doubling pool, groups of {group}"] = lambda g=group: self.chunked(g, self.doubling_group)
            self.makers["torch.compile, groups of 4"] = lambda: self.chunked(4, torch.compile(self.doubling_group, dynamic=False))

    def form(self, name):
        run = self.makers[name]()

        def guarded():
            with torch.no_grad():
                return run()

        return guarded, lambda: guarded().contiguous().cpu().numpy()

    def signed(self, cosine, dim=1):
        """With `bothSigns` the cosines, then their negatives, along the filters."""
        return torch.cat([cosine, -cosine], dim) if self.signs else cosine

    def literal(self):
        size, stride = self.pool

        def run():
            norm = F.conv2d(self.x * self.x, self.ones).sqrt()
            cosine = F.conv2d(self.x, self.w) / norm.clamp(min=TINY**0.5)
            return F.max_pool2d(F.relu(self.signed(cosine)) ** self.power, size, stride)

        return run

    def literal_channels_last(self):
        x, w = (t.contiguous(memory_format=torch.channels_last) for t in (self.x, self.w))
        size, stride = self.pool

        def run():
            norm = F.conv2d(x * x, self.ones).sqrt()
            cosine = F.conv2d(x, w) / norm.clamp(min=TINY**0.5)
            return F.max_pool2d(F.relu(self.signed(cosine)) ** self.power, size, stride)

        return run

    def chunked(self, group, work):
        """work(images of a group) -> pooled cosines [n,P,Q,K] or [n,K,P,Q] in channels-last order."""
        groups = self.x.contiguous(memory_format=torch.channels_last).split(group)

        def run():
            pooled = torch.cat([work(x) for x in groups])
            return squarings(pooled.clamp_(min=0), self.power, torch.mul)

        return run

    def conv_group(self, x):
        return separable_pool(self.signed(convolved_cosines(x, self.w, self.ones)), *self.pool)

    def product_group(self, x):
        return separable_pool(self.signed(product_cosines(x, self.w), 3).permute(0, 3, 1, 2), *self.pool)

    def doubling_group(self, x):
        cosine = self.signed(product_cosines(x, self.w), 3)
        return doubling_max(doubling_max(cosine, self.pool[0], 1), self.pool[0], 2).permute(0, 3, 1, 2)

    def reference(self):
        r, (size, stride) = self.window, self.pool
        w = self.filters.reshape(len(self.filters), -1).T.astype(np.float64)

        def pooled(a):  # over the first axis
            rows = [a[i : len(a) - size + 1 + i : stride] for i in range(size)]
            return np.maximum.reduce(rows)

        parts = []
        for image in self.images.astype(np.float64):
            v = np.lib.stride_tricks.sliding_window_view(image, (r, r), axis=(1, 2)).transpose(1, 2, 0, 3, 4)
            v = v.reshape(v.shape[0], v.shape[1], -1)
            cosine = (v / np.sqrt(np.maximum((v * v).sum(-1, keepdims=True), TINY))) @ w
            if self.signs:
                cosine = np.concatenate([cosine, -cosine], 2)
            best = pooled(pooled(cosine).transpose(1, 0, 2))  # [Q,P,K]
            parts.append(np.maximum(best, 0).transpose(2, 1, 0) ** self.power)
        return np.stack(parts)
