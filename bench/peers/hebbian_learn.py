"""Many minibatches of the Krotov-Hopfield rule on patches of u8 images: gathered in a random order, brought to length 1, then the step of
hebbian_step.py.

The images lie as u8 where the work is done. The order of patches is ours (core::Permutation, native/core/random.h), worked out beforehand:
ours works it out as it goes. Forms differ in how they gather: by image, row and column of a view of all windows ("default"); pixel by
pixel from one flat array; a window's row of pixels at a time; from a table of all patches, made beforehand, which takes window^2 times
the memory of the images; and all minibatches of a cycle at once.
"""

import functools
import math

import hebbian_step
import numpy as np
import torch
import data
from data import on_gpu, tensor, uniform

SHORTEST = 1e-6  # a patch up to this length is zero
MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011): four 32-bit words of a counter of four and a key of two."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & MASK, p0 >> 32 ^ c3 ^ k1, p0 & MASK
        k0, k1 = k0 + 0x9E3779B9 & MASK, k1 + 0xBB67AE85 & MASK
    return c0, c1, c2, c3


def mix(x):
    x = (x ^ x >> np.uint64(16)) * np.uint64(0x7FEB352D) & np.uint64(MASK)
    x = (x ^ x >> np.uint64(15)) * np.uint64(0x846CA68B) & np.uint64(MASK)
    return x ^ x >> np.uint64(16)


def permuted(places, count, seed, epoch):
    """The numbers below `count` at these places of the order of an epoch: a mixed-radix Feistel network."""
    columns = math.isqrt(count)
    rows = -(-count // columns)
    key = (seed & MASK, seed >> 32)
    keys = [np.uint64(k) for word in (0x7065726D, 0x7065726E) for k in philox((epoch, 0, word, 0), key)]
    rows, columns, mask = np.uint64(rows), np.uint64(columns), np.uint64(MASK)

    def add(value, hashed, modulus):
        return (value + (hashed * modulus >> np.uint64(32))) % modulus

    def once(index):
        left, right = index // columns, index % columns
        for i in range(0, 8, 2):
            left = add(left, mix(right + keys[i] & mask), rows)
            right = add(right, mix(left + keys[i + 1] & mask), columns)
        return left * columns + right

    index = once(np.asarray(places, dtype=np.uint64))
    while (outside := index >= count).any():
        index[outside] = once(index[outside])
    return index.astype(np.int64)


def unit(pixels, out=None):
    """Patches of length 1; black ones stay zero."""
    v = pixels.float()
    return torch.div(v, torch.linalg.vector_norm(v, dim=1, keepdim=True).clamp_(min=1), out=out)


class Case(hebbian_step.Case):
    def __init__(self, sizes):
        n, c, side, r = sizes["images"], sizes["channels"], sizes["side"], sizes["window"]
        b, across = sizes["batch"], side - r + 1
        self.inputs = c * r * r
        super().__init__(sizes | {"inputs": self.inputs, "batches": 1})
        self.sizes = sizes | {"inputs": self.inputs}
        self.batches = self.cycle = sizes["batches"]
        self.checked = sizes["steps"]
        self.pixels = (uniform(1, n, c, side, side) * 256).astype(np.uint8)
        self.images = tensor(self.pixels)
        self.windows = self.images.unfold(2, r, 1).unfold(3, r, 1)  # a view [N,C,P,Q,R,R]
        self.number = permuted(np.arange(self.batches * b), n * across**2, sizes["seed"], 0).reshape(self.batches, b)
        self.place = self.number // across**2, self.number // across % across, self.number % across  # image, row, column
        self.first = self.place[0] * c * side**2 + self.place[1] * side + self.place[2]  # pixel of a window
        channel, row, column = np.ix_(range(c), range(r), range(r))
        self.offsets = (channel * side**2 + row * side + column).ravel()  # from there to each of its pixels
        # Where a minibatch lies once gathered; those gathered at once lie one after the other.
        self.buffer = torch.empty(self.batches, b, self.inputs, device=data.device)
        if not on_gpu():
            self.patches = self.buffer.numpy()
        self.makers = {
            "default": self.eager,
            "pixels, two max": lambda: self.each(self.by_pixel(), self.two_max()),
            "table, two max": lambda: self.each(self.by_table(), self.two_max()),
            "torch.compile, pixels": lambda: self.compiled_each(self.by_pixel()),
            "torch.compile, table": lambda: self.compiled_each(self.by_table()),
        }
        if on_gpu():
            self.makers |= {
                "windows, two max": lambda: self.each(self.by_window(), self.two_max()),
                "table, topk": lambda: self.each(self.by_table(), self.topk_sparse()),
                "table at once, two max": lambda: self.at_once(self.by_table(), self.two_max()),
                "torch.compile, pixels at once": lambda: self.compiled_at_once(self.by_pixel()),
            }
        else:
            self.makers |= {
                "numpy rows, argmax, torch product": lambda: self.each(self.by_row(), self.repeated_argmax("torch")),
                "numpy rows, argmax, numpy product": lambda: self.each(self.by_row(), self.repeated_argmax("numpy")),
                "numpy table, argmax, torch product": lambda: self.each(self.by_numpy_table(), self.repeated_argmax("torch")),
                "numpy table, argmax, numpy product": lambda: self.each(self.by_numpy_table(), self.repeated_argmax("numpy")),
                "numpy table at once, argmax, torch product": lambda: self.at_once(self.by_numpy_table(), self.repeated_argmax("torch")),
            }

    def tensors(self):
        return list(self.buffer), tensor(self.start.copy())

    def eager(self):
        """As a user writes it first."""
        _, w = self.tensors()
        rank, delta = self.sizes["rank"], self.sizes["antiHebbian"]
        places = list(zip(*map(tensor, self.place)))

        def step(i, rate):
            image, row, column = places[i]
            v = self.windows[image, :, row, column].flatten(1).float() / 255
            self.dense_rule(v / v.norm(dim=1, keepdim=True).clamp(min=SHORTEST), w, rate, rank, delta)

        return step, w

    # Ways to gather: (indices of all minibatches, gather(indices) -> u8 [patches, inputs]).

    def by_pixel(self):
        flat, offsets = self.images.flatten(), tensor(self.offsets)
        return tensor(self.first), lambda first: flat.index_select(0, (first[:, None] + offsets).view(-1)).view(-1, self.inputs)

    def by_window(self):
        """From a view that has a window at every pixel."""
        side, r = self.sizes["side"], self.sizes["window"]
        count = self.images.numel() - int(self.offsets[-1])
        every = self.images.flatten().as_strided((count, self.sizes["channels"], r, r), (1, side**2, side, 1))
        return tensor(self.first), lambda first: every.index_select(0, first).flatten(1)

    def by_row(self):
        """From a view that has a window at every pixel, with a row of it as one element."""
        side, r = self.sizes["side"], self.sizes["window"]
        count = self.pixels.size - int(self.offsets[-1])
        every = np.ndarray((count, self.sizes["channels"], r), f"V{r}", self.pixels, strides=(1, side**2, side))
        return self.first, lambda first: torch.from_numpy(every[first].view(np.uint8).reshape(-1, self.inputs))

    def table(self):
        return self.windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, self.inputs)

    def by_table(self):
        table = self.table()
        return tensor(self.number), lambda number: table.index_select(0, number)

    def by_numpy_table(self):
        table = self.table().numpy()
        return self.number, lambda number: torch.from_numpy(table.take(number, axis=0))

    # What is made of a way to gather and a rule. Dividing by 255 first would change nothing.

    def each(self, gathering, rule):
        (indices, gather), (step, w) = gathering, rule

        def whole(i, rate):
            unit(gather(indices[i]), out=self.buffer[0])
            step(0, rate)

        return whole, w

    def at_once(self, gathering, rule, prepare=unit):
        """All minibatches of a cycle gathered before its first step."""
        (indices, gather), (step, w) = gathering, rule
        indices, buffer = indices.reshape(-1), self.buffer.flatten(0, 1)

        def whole(i, rate):
            if i == 0:
                prepare(gather(indices), out=buffer)
            step(i, rate)

        return whole, w

    def compiled(self, rule):
        """The rule as it is: it is compiled together with the gathering."""
        return rule

    def compiled_each(self, gathering):
        (indices, gather), rule = gathering, self.compiled_two_max()
        _, w = self.tensors()
        step = torch.compile(lambda at, w, rate: rule(unit(gather(at)), w, rate), dynamic=False)
        rate_of = functools.cache(lambda rate: torch.tensor(rate, device=data.device))
        return lambda i, rate: step(indices[i], w, rate_of(rate)), w

    def compiled_at_once(self, gathering):
        indices, gather = gathering
        gathered = torch.compile(lambda at: unit(gather(at)), dynamic=False)
        step, w = hebbian_step.Case.compiled(self, self.compiled_two_max())
        return self.at_once((indices, gathered), (step, w), lambda v, out: out.copy_(v))

    def reference(self):
        """float64 weights after the first steps."""
        w = self.start.astype(np.float64)
        rank, delta = self.sizes["rank"], self.sizes["antiHebbian"]
        windows = np.lib.stride_tricks.sliding_window_view(self.pixels, (self.sizes["window"],) * 2, axis=(2, 3))
        for i in range(self.sizes["steps"]):
            image, row, column = (axis[i] for axis in self.place)
            v = windows[image, :, row, column].reshape(-1, self.inputs) / 255
            v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), SHORTEST)
            current = v @ w.T
            order = np.argsort(-current, axis=1, kind="stable")
            rows = np.arange(len(v))
            g = np.zeros_like(current)
            g[rows, order[:, 0]] = 1
            g[rows, order[:, rank - 1]] = -delta
            dw = g.T @ v - (g * current).sum(0)[:, None] * w
            w += self.sizes["learningRate"] * dw / max(np.abs(dw).max(), hebbian_step.FLOOR)
        return w
