"""The phases of job.py on a GPU: the images lie there as bytes, the features as bfloat16 or float32, and nothing waits for the host.

Each phase is tried in several forms, as they are and recorded as CUDA graphs: minibatches of the rule, groups of images, or an epoch of
the readout at a time, so that PyTorch launches next to nothing.
"""

import time

import torch
import torch.nn.functional as F
import data
from job import MEAN_IMAGES, gradient
from nnl_conv import convolved_cosines, product_cosines, separable_pool
from rectified_power import squarings

TRIALS = 3
STEPS = 100  # minibatches of the rule that are recorded, and gathered, at once
GROUP = 500  # images that features are made of at once


def wait():
    if data.on_gpu():
        torch.cuda.synchronize()


def recorded(work):
    """work() as a CUDA graph; it is run a few times first, which compiles what is to be compiled."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(2):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def fastest(makers):
    """The name of the form whose trial takes least, and what its maker made: (trial, what it is a trial of). Those that can't run here are out."""
    seconds, made = {}, {}
    for name, make in makers.items():
        try:
            trial, thing = make()
            trial()
            wait()
            start = time.perf_counter()
            for _ in range(TRIALS):
                trial()
            wait()
            seconds[name], made[name] = time.perf_counter() - start, thing
        except Exception:  # no compiler, an operation that cannot be recorded, too little memory
            continue
    name = min(seconds, key=seconds.get)
    return name, made[name]


def both(name, make):
    """Makers of a form as it is and, where there is a GPU, as a graph; make(record) -> (trial, thing)."""
    graph = {f"{name}, CUDA graph": lambda: make(recorded)} if data.on_gpu() else {}
    return {name: lambda: make(lambda work: work)} | graph


class Filters:
    def __init__(self, work, pixels):
        self.work = work
        n, c, side, _ = pixels.shape
        r = work["window"]
        self.across, self.side, self.channels = side - r + 1, side, c
        self.count = n * self.across**2
        self.flat = data.tensor(pixels.reshape(-1))
        pixel = torch.arange(c)[:, None, None] * side**2 + torch.arange(r)[:, None] * side + torch.arange(r)
        self.offsets = pixel.flatten().to(data.device)
        self.w = self.take(work["units"])
        self.start = self.w.clone()
        self.done = torch.zeros((), device=data.device)
        self.gather = torch.compile(self.take, dynamic=False)

    def take(self, count):
        """Random patches of length 1."""
        number = torch.randint(self.count, (count,), device=data.device)
        image, place = number // self.across**2, number % self.across**2
        first = image * (self.channels * self.side**2) + place // self.across * self.side + place % self.across
        v = self.flat.index_select(0, (first[:, None] + self.offsets).view(-1)).view(count, -1).float()
        return v / torch.linalg.vector_norm(v, dim=1, keepdim=True).clamp_(min=1)

    def rate(self):
        return self.work["learningRate"] * (1 - self.done / self.work["steps"])

    def two_max(self, v, w, rate):
        """Ranking by two maxima, rows of the update added one by one."""
        delta = self.work["antiHebbian"]
        current = v @ w.T
        high, first = current.max(dim=1)
        current.scatter_(1, first[:, None], float("-inf"))
        low, second = current.max(dim=1)
        dw = torch.zeros_like(w).index_add_(0, first, v).index_add_(0, second, v, alpha=-delta)
        gain = w.new_zeros(len(w)).index_add_(0, first, high).index_add_(0, second, low, alpha=-delta)
        ones = torch.ones_like(high)
        chosen = w.new_zeros(len(w)).index_add_(0, first, ones).index_add_(0, second, ones)
        return w + (dw - w * gain[:, None]) * (rate / chosen.clamp(min=1))[:, None]

    def dense(self, v, w, rate):
        """The update as a product of what each patch gives each unit with the patches."""
        delta = self.work["antiHebbian"]
        current = v @ w.T
        first = current.argmax(dim=1, keepdim=True)
        second = current.scatter(1, first, float("-inf")).argmax(dim=1, keepdim=True)
        units = torch.arange(len(w), device=w.device)
        won, lost = (first == units).float(), (second == units).float()
        g = won - delta * lost
        dw = g.T @ v - (g * current).sum(0)[:, None] * w
        return w + dw * (rate / (won + lost).sum(0).clamp(min=1))[:, None]

    def many(self, rule, gather):
        """STEPS minibatches, whose patches are gathered at once."""

        def run():
            for v in gather(STEPS * self.work["filterBatch"]).split(self.work["filterBatch"]):
                self.w.copy_(rule(v, self.w, self.rate()))
                self.done += 1

        return run

    def learn(self):
        makers = {}
        for name, rule in {"two max": self.two_max, "dense": self.dense}.items():
            for prefix, made, gather in (("", rule, self.take), ("torch.compile, ", torch.compile(rule, dynamic=False), self.gather)):
                run = self.many(made, gather)
                makers |= both(prefix + name, lambda record, run=run: [record(run)] * 2)
        name, run = fastest(makers)
        self.w.copy_(self.start)
        self.done.zero_()
        wait()
        began = time.perf_counter()
        for _ in range(self.work["steps"] // STEPS):
            run()
        wait()
        return self.w, name, time.perf_counter() - began


class Group:
    """Images in a buffer; `of` makes features [n,D] of it."""

    def __init__(self, pixels, of, record):
        self.pixels = pixels

        def work():
            self.y = of(self.pixels)

        self.run = record(work)

    def __call__(self, part):
        self.pixels[: len(part)] = part
        self.run()
        return self.y[: len(part)]


class Features:
    def __init__(self, work, w, channels):
        self.work = work
        r = work["window"]
        self.w = w.reshape(-1, channels, r, r)
        self.ones = torch.ones(1, channels, r, r, device=data.device)

    def features(self, cosines):
        """of(bytes [n,C,H,W]) -> [n,D], by cosines(images) -> [n,K,P,Q]."""
        pool = [self.work[name] for name in ("poolSize", "poolStride", "poolPadding")]

        def of(pixels):
            x = pixels.float().div_(255).contiguous(memory_format=torch.channels_last)
            y = separable_pool(cosines(x), *pool).clamp_(min=0)
            return squarings(y, self.work["power"], torch.mul).contiguous().flatten(1)

        return of

    def choose(self, pixels):
        cosines = {
            "convolution": lambda x: convolved_cosines(x, self.w, self.ones),
            "patch product": lambda x: product_cosines(x, self.w).permute(0, 3, 1, 2),
        }
        makers = {}
        for name, form in cosines.items():
            for prefix, of in (("", self.features(form)), ("torch.compile, ", torch.compile(self.features(form), dynamic=False))):

                def make(record, of=of):
                    group = Group(pixels[:GROUP].clone(), of, record)
                    return group.run, group

                makers |= both(prefix + name, make)
        self.name, self.group = fastest(makers)

    def fill(self, pixels, mean=None, kept=torch.bfloat16):
        """Their mean, or with one the features less it as they are kept."""
        rows = None
        for at in range(0, len(pixels), GROUP):
            y = self.group(pixels[at : at + GROUP])
            if mean is None:
                rows = y.sum(0) if rows is None else rows.add_(y.sum(0))
                continue
            if rows is None:
                rows = torch.empty(len(pixels), y.shape[1], dtype=kept, device=data.device)
            rows[at : at + len(y)] = y - mean
        return rows / len(pixels) if mean is None else rows


class Readout:
    """A softmax layer by Adam, its gradient written out; all minibatches of an epoch at once."""

    def __init__(self, work, classes):
        self.work, self.classes = work, classes

    def epoch(self, x, labels, slope, record):
        """-> (an epoch, its state: order, weights, bias, step done). `record` has it as it is or as a graph."""
        batch, count = self.work["batch"], len(labels) // self.work["batch"]
        w = torch.zeros(self.classes, x.shape[1], device=data.device)
        b, done = torch.zeros(self.classes, device=data.device), torch.zeros((), device=data.device)
        rate = torch.zeros((), device=data.device)
        adam = torch.optim.Adam([w, b], lr=rate, weight_decay=self.work["decay"], fused=True, capturable=data.on_gpu())
        ones = F.one_hot(labels, self.classes).float()
        order = torch.arange(len(labels), device=data.device)
        total = count * self.work["epochs"]

        def run():
            for at in range(0, count * batch, batch):
                index = order[at : at + batch]
                w.grad, b.grad = slope(x.index_select(0, index), ones[index], w, b)
                rate.copy_(self.work["readoutRate"] * 0.5 * (1 + torch.cos(torch.pi * done / total)))
                adam.step()
                done.add_(1)

        return record(run), (order, w, b, done, adam)

    def choose(self, features, labels):
        """By an epoch of some features in float32."""
        makers = {}
        for prefix, slope in (("", gradient), ("torch.compile, ", torch.compile(gradient, dynamic=False))):
            for kept in (torch.bfloat16, torch.float32):

                def make(record, kept=kept, slope=slope):
                    run, _ = self.epoch(features.to(kept), labels, slope, record)
                    return run, (kept, slope, record)

                makers |= both(f"{prefix}{str(kept)[6:]}", make)
        self.name, self.form = fastest(makers)
        return self.form[0]

    def learn(self, x, labels):
        """-> weights, bias, seconds; what is recorded is recorded before the clock runs."""
        _, slope, record = self.form
        run, (order, w, b, done, adam) = self.epoch(x, labels, slope, record)
        for p in (w, b, done):
            p.zero_()
        for state in adam.state.values():
            for moment in state.values():
                moment.zero_()
        wait()
        began = time.perf_counter()
        for _ in range(self.work["epochs"]):
            order.copy_(torch.randperm(len(labels), device=data.device))
            run()
        wait()
        return w, b, time.perf_counter() - began


def job(work, classes, train, train_labels, test, test_labels):
    """Images as bytes [n,C,H,W] and labels, as arrays and tensors of the host."""
    phases, forms = {}, {}
    w, forms["filters"], phases["filters"] = Filters(work, train).learn()
    x, t, labels = (torch.as_tensor(part).to(data.device) for part in (train, test, train_labels))
    features = Features(work, w, x.shape[1])
    features.choose(x)
    forms["features"] = features.name
    wait()
    began = time.perf_counter()
    mean = features.fill(x[:MEAN_IMAGES])
    wait()
    phases["features"] = time.perf_counter() - began
    readout = Readout(work, classes)
    kept = readout.choose(features.fill(x[:MEAN_IMAGES], mean, torch.float32), labels[:MEAN_IMAGES])
    forms["readout"] = readout.name
    began = time.perf_counter()
    rows = features.fill(x, mean, kept)
    wait()
    phases["features"] += time.perf_counter() - began
    w, b, phases["readout"] = readout.learn(rows, labels)
    del rows
    began = time.perf_counter()
    found = torch.addmm(b, features.fill(t, mean).float(), w.T).argmax(1).cpu()
    phases["test"] = time.perf_counter() - began
    return {"phases": phases, "forms": forms, "testError": float((found != test_labels).double().mean())}
