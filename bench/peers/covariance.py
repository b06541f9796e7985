"""Mean and sums of products of a stream of rows, a chunk at a time: the chunk's own mean is taken from its rows, their products are float32,
and a float64 state takes them in exactly (Chan, Golub, LeVeque 1983).

"default" writes that as it stands. The others hand the distance of the means in as one more row, as scikit-learn's IncrementalPCA does; take
a fixed shift (the first chunk's mean) from all rows, so that the state is a plain sum; make half of the products (ssyrk); or multiply in
float64.
"""

import math

import numpy as np
import torch
import data
from data import array, on_gpu, tensor, uniform


class Case:
    def __init__(self, sizes):
        self.rows, self.width = sizes["rows"], sizes["width"]
        self.first = uniform(1, self.rows, self.width) - np.float32(0.5)
        self.x = tensor(self.first)
        self.makers = {
            "default": lambda: self.stream(self.literal),
            "into buffers": lambda: self.stream(self.buffered()),
            "one more row": lambda: self.stream(self.one_more_row()),
            "products in float64": lambda: self.stream(self.in_float64),
            "torch.compile": lambda: self.stream(torch.compile(self.literal, dynamic=False, fullgraph=True)),
            "fixed shift": lambda: self.shifted(self.sums),
            "fixed shift, products in float64": lambda: self.shifted(self.sums_in_float64),
            "torch.compile, fixed shift": lambda: self.shifted(torch.compile(self.sums, dynamic=False, fullgraph=True)),
        }
        if not on_gpu():
            self.makers |= {"numpy": self.numpy, "ssyrk": self.ssyrk, "ssyrk, one more row": lambda: self.ssyrk(one_more_row=True)}

    def form(self, name):
        """The result is the sums of products after this chunk and one of another mean. Each maker gives step(chunk) and the sums so far."""
        step, _ = self.makers[name]()

        def result():
            fresh, moments = self.makers[name]()
            fresh(self.x)
            fresh(tensor(self.second()))
            return moments()

        return lambda: step(self.x), result

    def second(self):
        return uniform(2, self.rows, self.width)

    def zeros(self, *shape):
        return torch.zeros(shape, dtype=torch.float64, device=data.device)

    def stream(self, absorb):
        """absorb(x, count, mean, moments) brings the float64 state up to date. torch.compile loses what is written to a count of no axis."""
        state = self.zeros(1), self.zeros(self.width), self.zeros(self.width, self.width)
        return lambda x: absorb(x, *state), lambda: array(state[2])

    def literal(self, x, count, mean, moments):
        centre = x.mean(0)
        z = x - centre
        distance = centre.double() - mean
        total = count + self.rows
        moments += z.T @ z + torch.outer(distance, distance) * (count * self.rows / total)
        mean += distance * (self.rows / total)
        count.copy_(total)

    def moved(self, centre, count, mean):
        """Takes the chunk's mean in; gives the distance, times the square root of the weight that its product has."""
        distance = centre.double() - mean
        total = count + self.rows
        share = self.rows / total
        row = distance * (count * share).sqrt()
        mean.addcmul_(distance, share)
        count.copy_(total)
        return row

    def buffered(self):
        z, products = torch.empty_like(self.x), self.x.new_empty(self.width, self.width)

        def absorb(x, count, mean, moments):
            centre = x.mean(0)
            torch.sub(x, centre, out=z)
            torch.mm(z.T, z, out=products)
            row = self.moved(centre, count, mean)
            moments.add_(products).addr_(row, row)

        return absorb

    def one_more_row(self):
        z, products = self.x.new_empty(self.rows + 1, self.width), self.x.new_empty(self.width, self.width)

        def absorb(x, count, mean, moments):
            centre = x.mean(0)
            torch.sub(x, centre, out=z[:-1])
            z[-1].copy_(self.moved(centre, count, mean))
            torch.mm(z.T, z, out=products)
            moments.add_(products)

        return absorb

    def in_float64(self, x, count, mean, moments):
        centre = x.mean(0)
        z = (x - centre).double()
        row = self.moved(centre, count, mean)
        moments.addmm_(z.T, z).addr_(row, row)

    def shifted(self, add):
        """add(x, shift, total, moments) adds the sums of the shifted rows and of their products."""
        total, moments = self.zeros(self.width), self.zeros(self.width, self.width)
        shift, chunks = None, 0

        def step(x):
            nonlocal shift, chunks
            if shift is None:
                shift = x.mean(0)
            add(x, shift, total, moments)
            chunks += 1

        return step, lambda: array(moments - torch.outer(total, total) / (chunks * self.rows))

    def sums(self, x, shift, total, moments):
        z = x - shift
        total += z.sum(0)
        moments += z.T @ z

    def sums_in_float64(self, x, shift, total, moments):
        z = (x - shift).double()
        total += z.sum(0)
        moments.addmm_(z.T, z)

    def numpy(self):
        mean, moments = np.zeros(self.width), np.zeros((self.width, self.width))
        count = 0

        def step(x):
            nonlocal count
            x = x.numpy()
            centre = x.mean(axis=0)
            z = x - centre
            distance = centre - mean
            moments[...] += z.T @ z
            moments[...] += np.outer(distance, distance * (count * self.rows / (count + self.rows)))
            count += self.rows
            mean[...] += distance * (self.rows / count)

        return step, lambda: moments

    def ssyrk(self, one_more_row=False):
        """The state holds the upper half of its columns' order, which is mirrored when it is read."""
        from scipy.linalg.blas import ssyrk

        z = np.empty((self.rows + one_more_row, self.width), dtype=np.float32)
        products = np.zeros((self.width, self.width), dtype=np.float32, order="F")
        mean, moments = np.zeros(self.width), np.zeros((self.width, self.width), order="F")
        count = 0

        def step(x):
            nonlocal count
            centre = x.mean(0).numpy()
            torch.sub(x, torch.from_numpy(centre), out=torch.from_numpy(z[: self.rows]))
            distance = centre - mean
            weight = count * self.rows / (count + self.rows)
            if one_more_row:
                z[-1] = distance * math.sqrt(weight)
            ssyrk(1.0, z.T, c=products, overwrite_c=1)
            moments[...] += products
            if not one_more_row:
                moments[...] += np.outer(distance * weight, distance)
            count += self.rows
            mean[...] += distance * (self.rows / count)

        return step, lambda: np.triu(moments) + np.triu(moments, 1).T

    def reference(self):
        both = np.concatenate([self.first, self.second()]).astype(np.float64)
        both -= both.mean(axis=0)
        return both.T @ both
