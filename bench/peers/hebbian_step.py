"""One minibatch of the Krotov-Hopfield rule: rank, update, normalise by the largest change ('max').

Every form does the whole step in place on its own weights. The best forms mix PyTorch's products (oneDNN) with NumPy's argmax, which
is the fastest ranking found, on shared memory; buffers are made once, and the update adds only the rows that a patch selects.
"""

import functools
import itertools

import numpy as np
import torch
import data
from data import array, on_gpu, tensor, uniform, unit_rows

FLOOR = 1e-30
STILL = 1e-6  # rate while timing, so that the filters stay as they are however many steps are timed


class Case:
    checked = 1  # steps that the result is made after

    def __init__(self, sizes):
        self.sizes = sizes
        b, d, k = sizes["batch"], sizes["inputs"], sizes["units"]
        self.batches = self.cycle = sizes["batches"]
        self.patches = unit_rows(uniform(1, self.batches * b, d)).reshape(self.batches, b, d)
        self.start = unit_rows(uniform(2, k, d))
        rank = sizes["rank"]
        self.makers = {
            "default": self.eager_topk,
            "torch topk": self.topk_sparse,
            "torch.compile": self.compiled_two_max if rank == 2 else self.compiled_topk,
        }
        if rank == 2:
            self.makers["torch two max"] = self.two_max
        if not on_gpu():
            self.makers |= {
                "numpy argsort": self.numpy_argsort,
                "numpy argmax, torch product": lambda: self.repeated_argmax("torch"),
                "numpy argmax, numpy product": lambda: self.repeated_argmax("numpy"),
            }
            if rank != 2:
                self.makers["numpy argpartition"] = self.argpartition

    def form(self, name):
        """(one repetition, result of the first steps from the start) of a form. Each maker gives step(batch number, rate) and its weights."""
        step, w = self.makers[name]()
        turn = itertools.cycle(range(self.batches))
        start = tensor(self.start)

        def result():
            w.copy_(start)
            for i in range(self.checked):
                step(i, self.sizes["learningRate"])
            after = array(w)
            w.copy_(start)
            return after

        return lambda: step(next(turn), STILL), result

    def tensors(self):
        return list(tensor(self.patches)), tensor(self.start.copy())

    def dense_rule(self, v, w, rate, rank, delta):
        current = v @ w.T
        top = current.topk(rank, dim=1).indices
        rows = torch.arange(v.shape[0], device=v.device)
        g = torch.zeros_like(current)
        g[rows, top[:, 0]] = 1.0
        g[rows, top[:, rank - 1]] = -delta
        dw = g.T @ v - (g * current).sum(0)[:, None] * w
        w += rate * dw / dw.abs().max().clamp(min=FLOOR)

    def eager_topk(self):
        """As a user writes it first."""
        v, w = self.tensors()
        rank, delta = self.sizes["rank"], self.sizes["antiHebbian"]
        return lambda i, rate: self.dense_rule(v[i], w, rate, rank, delta), w

    def numpy_argsort(self):
        """The form of the authors' published notebook: full sort, dense products, NumPy."""
        w = self.start.copy()
        rank, delta = self.sizes["rank"], self.sizes["antiHebbian"]

        def step(i, rate):
            v = self.patches[i].T
            current = w @ v
            order = np.argsort(current, axis=0)
            g = np.zeros_like(current)
            columns = np.arange(v.shape[1])
            g[order[-1], columns] = 1.0
            g[order[-rank], columns] = -delta
            dw = g @ v.T - (g * current).sum(axis=1)[:, None] * w
            w[...] += rate * dw / max(np.abs(dw).max(), FLOOR)

        return step, torch.from_numpy(w)

    def sparse_update(self, w):
        """add(v, first, second, current of both): the sparse update, with buffers of its own. Tensors in, w changed in place."""
        b, d, k = self.sizes["batch"], self.sizes["inputs"], self.sizes["units"]
        delta = self.sizes["antiHebbian"]
        dw, gain = torch.empty(k, d, device=data.device), torch.empty(k, device=data.device)
        scaled = torch.empty(b, d, device=data.device)

        def add(v, first, second, high, low, rate):
            dw.zero_().index_add_(0, first, v)
            torch.mul(v, -delta, out=scaled)
            dw.index_add_(0, second, scaled)
            gain.zero_().index_add_(0, first, high).index_add_(0, second, low, alpha=-delta)
            dw.addcmul_(w, gain[:, None], value=-1)
            low_end, high_end = torch.aminmax(dw)
            if on_gpu():  # without waiting for the number
                w.addcmul_(dw, rate / torch.maximum(high_end, -low_end).clamp(min=FLOOR))
            else:
                w.add_(dw, alpha=rate / max(high_end.item(), -low_end.item(), FLOOR))

        return add

    def topk_sparse(self):
        v, w = self.tensors()
        rank = self.sizes["rank"]
        add = self.sparse_update(w)
        current = torch.empty(self.sizes["batch"], self.sizes["units"], device=data.device)

        def step(i, rate):
            torch.mm(v[i], w.T, out=current)
            values, index = current.topk(rank, dim=1, sorted=True)
            add(v[i], index[:, 0].contiguous(), index[:, -1].contiguous(), values[:, 0], values[:, -1], rate)

        return step, w

    def repeated_argmax(self, product):
        """The row maximum is taken and struck out `rank` times: faster than any partial sort up to ranks of about 15."""
        v, w = self.tensors()
        add = self.sparse_update(w)
        b, rank = self.sizes["batch"], self.sizes["rank"]
        current = torch.empty(b, self.sizes["units"])
        shared, weights = current.numpy(), w.numpy()
        flat = shared.ravel()
        offset = np.arange(b) * self.sizes["units"]
        first, other = torch.empty(b, dtype=torch.int64), torch.empty(b, dtype=torch.int64)
        first_n, other_n = first.numpy(), other.numpy()

        def step(i, rate):
            if product == "torch":
                torch.mm(v[i], w.T, out=current)
            else:
                np.matmul(self.patches[i], weights.T, out=shared)
            np.argmax(shared, axis=1, out=first_n)
            at = first_n + offset
            high = flat[at]
            for _ in range(rank - 1):
                flat[at] = -np.inf
                np.argmax(shared, axis=1, out=other_n)
                at = other_n + offset
            low = flat[at]
            add(v[i], first, other, torch.from_numpy(high), torch.from_numpy(low), rate)

        return step, w

    def two_max(self):
        v, w = self.tensors()
        add = self.sparse_update(w)
        current = torch.empty(self.sizes["batch"], self.sizes["units"], device=data.device)

        def step(i, rate):
            torch.mm(v[i], w.T, out=current)
            high, first = current.max(dim=1)
            current.scatter_(1, first[:, None], float("-inf"))
            low, second = current.max(dim=1)
            add(v[i], first, second, high, low, rate)

        return step, w

    def argpartition(self):
        v, w = self.tensors()
        add = self.sparse_update(w)
        b, k, rank = self.sizes["batch"], self.sizes["units"], self.sizes["rank"]
        current = torch.empty(b, k)
        shared = current.numpy()
        rows = np.arange(b)

        def step(i, rate):
            torch.mm(v[i], w.T, out=current)
            first = shared.argmax(axis=1)
            last = np.argpartition(shared, k - rank, axis=1)[:, k - rank]
            high, low = shared[rows, first], shared[rows, last]
            add(v[i], torch.from_numpy(first), torch.from_numpy(last.copy()), torch.from_numpy(high), torch.from_numpy(low), rate)

        return step, w

    def compiled(self, rule):
        v, w = self.tensors()
        step = torch.compile(rule, dynamic=False)
        rate_of = functools.cache(lambda rate: torch.tensor(rate, device=data.device))
        return lambda i, rate: step(v[i], w, rate_of(rate)), w

    def compiled_two_max(self):
        delta = self.sizes["antiHebbian"]
        units = torch.arange(self.sizes["units"], device=data.device)

        def rule(v, w, rate):
            current = v @ w.T
            high, first = current.max(dim=1)
            is_first = first[:, None] == units
            low, second = current.masked_fill(is_first, float("-inf")).max(dim=1)
            g = is_first.float() - delta * (second[:, None] == units).float()
            dw = g.T @ v - (g * current).sum(0)[:, None] * w
            w += dw * (rate / dw.abs().amax().clamp(min=FLOOR))

        return self.compiled(rule)

    def compiled_topk(self):
        rank, delta = self.sizes["rank"], self.sizes["antiHebbian"]
        units = torch.arange(self.sizes["units"], device=data.device)

        def rule(v, w, rate):
            current = v @ w.T
            index = current.topk(rank, dim=1).indices
            g = (index[:, :1] == units).float() - delta * (index[:, -1:] == units).float()
            dw = g.T @ v - (g * current).sum(0)[:, None] * w
            w += dw * (rate / dw.abs().amax().clamp(min=FLOOR))

        return self.compiled(rule)

    def reference(self):
        """float64 weights after one step on batch 0."""
        w = self.start.astype(np.float64)
        v = self.patches[0].astype(np.float64)
        rank, delta = self.sizes["rank"], self.sizes["antiHebbian"]
        current = v @ w.T
        order = np.argsort(-current, axis=1, kind="stable")
        rows = np.arange(v.shape[0])
        g = np.zeros_like(current)
        g[rows, order[:, 0]] = 1
        g[rows, order[:, rank - 1]] = -delta
        dw = g.T @ v - (g * current).sum(0)[:, None] * w
        return w + self.sizes["learningRate"] * dw / max(np.abs(dw).max(), FLOOR)
