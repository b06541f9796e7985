"""The whole single-block job of Grinberg, Hopfield and Krotov in PyTorch and NumPy: filters, features, readout, test. Phase by phase, each
by the fastest of a few forms, which is found on a little of the work before the clock runs.

The same work as ours (lib/bench/job.ts): the Krotov-Hopfield rule of rank 2, each row divided by the patches that chose it, rate falling
to 0; cosines with max pool and power, kept as bfloat16 (or float32, where that is faster) less their mean; a softmax layer by Adam with
L2 decay on a cosine schedule. The order of patches and images is drawn here: it is as long, and nobody's results depend on it. On a GPU:
job_cuda.py.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F
from data import on_gpu
from nnl_conv import convolved_cosines, product_cosines, separable_pool
from rectified_power import squarings

MEAN_IMAGES = 2048
TRIALS = 20
GATHERED = 20  # minibatches whose patches are gathered at once


def fastest(forms, trial):
    """The name of the form that does a trial soonest; those that can't run here are out."""
    seconds = {}
    for name, form in forms.items():
        try:
            trial(form)
            start = time.perf_counter()
            trial(form)
            seconds[name] = time.perf_counter() - start
        except Exception:  # no compiler for torch.compile
            continue
    return min(seconds, key=seconds.get)


class Filters:
    def __init__(self, work, pixels):
        self.work = work
        n, c, side, _ = pixels.shape
        r, self.batch, self.units = work["window"], work["filterBatch"], work["units"]
        across = side - r + 1
        self.shape, self.count = (n, c, side, across), n * across**2
        self.inputs = c * r * r
        # A view that has a window at every pixel, with a row of it as one element.
        every = pixels.size - ((c - 1) * side * side + (r - 1) * side + r - 1)
        self.every = np.ndarray((every, c, r), f"V{r}", pixels, strides=(1, side * side, side))
        self.random = np.random.default_rng(0)
        self.w = self.take(self.units)
        self.current = torch.empty(self.batch, self.units)
        self.shared = self.current.numpy()
        self.rows = np.arange(self.batch) * self.units
        self.dw = torch.empty(self.units, self.inputs)
        self.gain = torch.empty(self.units)
        # Steps are short: several threads may lose more by waking than they win.
        self.forms = {
            f"{name}, {threads} thread{'s'[: threads - 1]}": (rank, threads)
            for name, rank in {"numpy argmax": self.by_argmax, "torch max": self.by_max}.items()
            for threads in {1, torch.get_num_threads()}
        }

    def take(self, count):
        """Random patches of length 1."""
        n, c, side, across = self.shape
        number = self.random.integers(self.count, size=count)
        image, place = number // across**2, number % across**2
        first = image * c * side * side + place // across * side + place % across
        v = torch.from_numpy(self.every[first].view(np.uint8).reshape(count, -1)).float()
        return v.div_(torch.linalg.vector_norm(v, dim=1, keepdim=True).clamp_(min=1))

    def by_argmax(self):
        flat = self.shared.ravel()
        first = self.shared.argmax(axis=1)
        at = first + self.rows
        high = flat[at]
        flat[at] = -np.inf
        second = self.shared.argmax(axis=1)
        low = flat[second + self.rows]
        return (torch.from_numpy(x) for x in (first, second, high, low))

    def by_max(self):
        high, first = self.current.max(dim=1)
        self.current.scatter_(1, first[:, None], float("-inf"))
        low, second = self.current.max(dim=1)
        return first, second, high, low

    def step(self, v, rank, rate):
        delta = self.work["antiHebbian"]
        torch.mm(v, self.w.T, out=self.current)
        first, second, high, low = rank()
        self.dw.zero_().index_add_(0, first, v).index_add_(0, second, v, alpha=-delta)
        self.gain.zero_().index_add_(0, first, high).index_add_(0, second, low, alpha=-delta)
        self.dw.addcmul_(self.w, self.gain[:, None], value=-1)
        chosen = torch.bincount(first, minlength=self.units) + torch.bincount(second, minlength=self.units)
        self.w.addcmul_(self.dw, (rate / chosen.clamp(min=1))[:, None])

    def learn(self):
        start = self.w.clone()
        name = fastest(self.forms, lambda form: self.run(form, TRIALS, lambda t: 1e-6))
        self.w.copy_(start)
        began = time.perf_counter()
        steps, rate = self.work["steps"], self.work["learningRate"]
        self.run(self.forms[name], steps, lambda t: rate * (1 - t / steps))
        return self.w, name, time.perf_counter() - began

    def run(self, form, steps, rate):
        rank, threads = form
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        for first in range(0, steps, GATHERED):
            many = self.take(min(GATHERED, steps - first) * self.batch).split(self.batch)
            for i, v in enumerate(many):
                self.step(v, rank, rate(first + i))
        torch.set_num_threads(before)


class Features:
    def __init__(self, work, w, channels):
        self.work = work
        r = work["window"]
        self.w = w.reshape(-1, channels, r, r)
        self.ones = torch.ones(1, channels, r, r)
        self.forms = {f"{name}, groups of {group}": (group, form) for group in (2, 4, 8) for name, form in self.ways().items()}

    def ways(self):
        return {"convolution": self.convolved, "patch product": self.product, "torch.compile": torch.compile(self.product, dynamic=False)}

    def pooled(self, cosine):
        return separable_pool(cosine, *(self.work[name] for name in ("poolSize", "poolStride", "poolPadding")))

    def convolved(self, x):
        return self.pooled(convolved_cosines(x, self.w, self.ones))

    def product(self, x):
        return self.pooled(product_cosines(x, self.w).permute(0, 3, 1, 2))

    def of(self, form, pixels):
        """[n,D] of bytes [n,C,H,W], whose number the group divides."""
        group, work = form
        x = torch.from_numpy(pixels).float().div_(255).contiguous(memory_format=torch.channels_last)
        pooled = torch.cat([work(part) for part in x.split(group)])
        return squarings(pooled.clamp_(min=0), self.work["power"], torch.mul).contiguous().flatten(1)

    def choose(self, pixels):
        self.name = fastest(self.forms, lambda form: self.of(form, pixels[:64]))

    def fill(self, pixels, mean=None, kept=torch.bfloat16, chunk=200):
        form = self.forms[self.name]
        rows = None
        for at in range(0, len(pixels), chunk):
            part = pixels[at : at + chunk]
            # A group that would be cut short is filled up.
            short = -len(part) % form[0]
            y = self.of(form, np.concatenate([part, part[:1].repeat(short, 0)]) if short else part)[: len(part)]
            if mean is None:
                rows = y.sum(0) if rows is None else rows.add_(y.sum(0))
                continue
            if rows is None:
                rows = torch.empty(len(pixels), y.shape[1], dtype=kept)
            rows[at : at + chunk] = y.sub_(mean)
        return rows / len(pixels) if mean is None else rows


def gradient(x, one, w, b):
    """Of a softmax layer's cross-entropy; `one` has a 1 at each label."""
    g = (torch.softmax(torch.addmm(b, x.float(), w.T), dim=1) - one) / x.shape[0]
    return g.T @ x.float(), g.sum(0)


class Readout:
    """A softmax layer by Adam, its gradient written out, on features kept as bfloat16 or as float32."""

    def __init__(self, work, classes):
        self.work, self.classes = work, classes
        gradients = {"": gradient, ", torch.compile": torch.compile(gradient, dynamic=False)}
        self.forms = {
            f"{str(kept)[6:]}{name}": (kept, form) for kept in (torch.bfloat16, torch.float32) for name, form in gradients.items()
        }

    def choose(self, features, labels):
        """By a few minibatches of some features in float32."""
        self.name = fastest(self.forms, lambda form: self.learn(form, features.to(form[0]), labels, 1))
        return self.forms[self.name][0]

    def learn(self, form, features, labels, epochs):
        _, slope = form
        batch, top = self.work["batch"], self.work["readoutRate"]
        w, b = torch.zeros(self.classes, features.shape[1]), torch.zeros(self.classes)
        adam = torch.optim.Adam([w, b], lr=top, weight_decay=self.work["decay"], fused=True)
        total = len(labels) // batch * epochs
        ones = F.one_hot(labels, self.classes).float()
        step = 0
        for _ in range(epochs):
            order = torch.randperm(len(labels))
            for at in range(0, len(labels) - batch + 1, batch):
                index = order[at : at + batch]
                w.grad, b.grad = slope(features.index_select(0, index), ones[index], w, b)
                adam.param_groups[0]["lr"] = top * 0.5 * (1 + np.cos(np.pi * step / total))
                adam.step()
                step += 1
        return w, b


def job(request, precision):
    torch.set_float32_matmul_precision(precision)
    torch.manual_seed(0)
    work = request["work"]
    (train, train_labels), (test, test_labels) = (
        (np.load(part["pixels"]), torch.from_numpy(np.load(part["labels"]).astype(np.int64))) for part in (request["train"], request["test"])
    )
    if on_gpu():
        import job_cuda  # which has from here what both do alike

        torch.backends.cudnn.benchmark = True
        with torch.no_grad():
            return job_cuda.job(work, request["classes"], train, train_labels, test, test_labels)
    phases, forms = {}, {}
    with torch.no_grad():
        w, forms["filters"], phases["filters"] = Filters(work, train).learn()
        features = Features(work, w, train.shape[1])
        features.choose(train)
        forms["features"] = features.name
        began = time.perf_counter()
        mean = features.fill(train[:MEAN_IMAGES])
        phases["features"] = time.perf_counter() - began
        readout = Readout(work, request["classes"])
        kept = readout.choose(features.fill(train[:MEAN_IMAGES], mean, torch.float32), train_labels[:MEAN_IMAGES])
        forms["readout"] = readout.name
        began = time.perf_counter()
        x = features.fill(train, mean, kept)
        phases["features"] += time.perf_counter() - began

        began = time.perf_counter()
        w, b = readout.learn(readout.forms[readout.name], x, train_labels, work["epochs"])
        phases["readout"] = time.perf_counter() - began
        del x

        began = time.perf_counter()
        found = torch.addmm(b, features.fill(test, mean).float(), w.T).argmax(1)
        phases["test"] = time.perf_counter() - began
    return {"phases": phases, "forms": forms, "testError": float((found != test_labels).double().mean())}
