"""The other side of `striate bench`: one process that does the same work in PyTorch and NumPy, asked round by round.

Reads one JSON object a line on stdin, answers one a line on stdout:
  {"action": "hello", "threads": 1, "device": "cpu"}  versions, threads and the environment that matters
  {"action": "time", "op": "gemm", "case": "512", "sizes": {...}, "forms": [...]}  seconds of one repetition in one burst of each form
      (all, or those asked for): {"forms": {form: {"wall": s, "cpu": s}}, "failed": {form: reason}, "lighter": [form]}
      The first request of a case builds and warms up all its forms.
  {"action": "check", ...}  {"forms": {form: largest error / largest element}, "reference": summary of the float64 result}
  {"action": "close", ...}  the memory of a case is given back
  {"action": "job", "work": {...}, "classes": 10, "train": {"pixels": file, "labels": file}, "test": ...}  the whole single-block job (job.py)
A form is one way to write the work. "default" is how a user writes it first; every other one is a candidate for the best, but for those
in "lighter", which do less than the work. "failed" are forms that can't run here: no compiler for torch.compile, no OpenBLAS.

On a GPU (device "cuda") every form is also recorded as a CUDA graph and replayed, which spares PyTorch the launches, and products and
convolutions in float32 keep float32 accuracy (PyTorch would run convolutions in TF32 by default).
"""

import gc
import importlib
import json
import os
import platform
import sys
import time

import data

BURST_SECONDS = 0.03
ENVIRONMENT = (
    "MALLOC_MMAP_MAX_",
    "MALLOC_TRIM_THRESHOLD_",
    "OMP_WAIT_POLICY",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
)


class Peer:
    def __init__(self):
        self.cases = {}

    def hello(self, request):
        import numpy
        import torch

        torch.set_num_threads(request["threads"])
        data.device = torch.device(request["device"])
        if data.on_gpu():
            torch.empty(1, device=data.device)  # no GPU, or a PyTorch without CUDA: said here
            torch.backends.cudnn.allow_tf32 = False
        Form.precision = precision()
        return {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if data.on_gpu() else "cpu",
            "numpy": numpy.__version__,
            "precision": Form.precision,
            "threads": torch.get_num_threads(),
            "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        }

    def opened(self, request):
        key = (request["op"], request["case"])
        if key not in self.cases:
            case = importlib.import_module(request["op"]).Case(request["sizes"])
            forms, failed = {}, {}

            def attempt(name, make):
                try:
                    forms[name] = make()
                except Exception as error:  # the reason goes into the report
                    failed[name] = f"{type(error).__name__}: {error}".splitlines()[0][:200]

            for name in case.makers:
                attempt(name, lambda name=name: Form(name == "default", *case.form(name)))
            if data.on_gpu() and getattr(case, "recorded", True):
                for name in list(forms):
                    attempt(f"{name}, CUDA graph", lambda name=name: graph_of(case, name, forms[name].once))
            self.cases[key] = (case, forms, failed)
        return self.cases[key]

    def time(self, request):
        case, forms, failed = self.opened(request)
        bursts = {name: form.burst() for name, form in forms.items() if name in request.get("forms", forms)}
        return {"forms": bursts, "failed": failed, "lighter": getattr(case, "lighter", [])}

    def check(self, request):
        import numpy as np

        case, forms, failed = self.opened(request)
        reference = np.asarray(case.reference())
        scale = np.abs(reference).max()
        errors = {name: float(np.abs(form.result() - reference).max() / scale) for name, form in forms.items()}
        return {"forms": errors, "failed": failed, "reference": data.summary(reference)}

    def job(self, request):
        return importlib.import_module("job").job(request, Form.precision)

    def close(self, request):
        import torch

        self.cases.pop((request["op"], request["case"]), None)
        torch.compiler.reset()  # else the ninth form compiled of one line would silently run as it is
        gc.collect()
        if data.on_gpu():
            torch.cuda.empty_cache()
        return {}


class Form:
    """One way to do the work, warmed up, with as many repetitions as fill a burst. A call of `run` is so many repetitions.

    On the processor, all but the default ask for the precision that was found to be float32's at the start. On a GPU all but the
    default let cuDNN try its algorithms.
    """

    precision = "highest"

    def __init__(self, plain, run, once, repetitions=1):
        self.plain, self.run, self.once = plain, run, once
        self.enter()
        run()  # compiles, allocates
        seconds = float("inf")  # the best of three: another program may interrupt one
        for _ in range(3):
            self.synchronise()
            start = time.perf_counter()
            run()
            self.synchronise()
            seconds = min(seconds, time.perf_counter() - start)
            if seconds > 10 * BURST_SECONDS:
                break
        self.calls = max(1, min(100_000, round(BURST_SECONDS / max(seconds, 1e-7))))
        self.repetitions = repetitions * self.calls

    def enter(self):
        import torch

        torch.set_float32_matmul_precision("highest" if self.plain else self.precision)
        torch.backends.cudnn.benchmark = not self.plain

    def synchronise(self):
        import torch

        if data.on_gpu():
            torch.cuda.synchronize()

    def result(self):
        self.enter()
        return self.once()

    def burst(self):
        self.enter()
        self.synchronise()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(self.calls):
            self.run()
        self.synchronise()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return {"wall": wall / self.repetitions, "cpu": cpu / self.repetitions}


def precision():
    """What the tuned forms ask PyTorch for. On a processor "medium" sends float32 products to oneDNN, which on AMD is about twice as fast
    as MKL; where these come out in bfloat16 all the same, it is "highest"."""
    import torch

    if data.on_gpu():
        return "highest"
    torch.set_float32_matmul_precision("medium")
    draw = torch.Generator().manual_seed(1)
    a, b, image, filters = (torch.randn(shape, generator=draw) for shape in [(256, 256), (256, 256), (1, 64, 16, 16), (64, 64, 3, 3)])
    for work, *inputs in [(torch.matmul, a, b), (torch.conv2d, image, filters)]:
        exact = work(*(x.double() for x in inputs))
        if (work(*inputs) - exact).abs().max() > 1e-5 * exact.abs().max():
            return "highest"
    return "medium"


def graph_of(case, name, once):
    """A form's repetitions over one cycle of its minibatches, recorded. It has buffers of its own, which nothing frees or restarts."""
    import torch

    run, _ = case.form(name)
    cycle = getattr(case, "cycle", 1)
    torch.backends.cudnn.benchmark = name != "default"
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(max(cycle, 3)):
            run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(cycle):
            run()

    def replay():
        graph.replay()

    replay.keeps = run
    return Form(name == "default", replay, once, cycle)


def main():
    # Answers go to the pipe; whatever a library or a compiler prints goes to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = Peer()
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = {"hello": peer.hello, "time": peer.time, "check": peer.check, "job": peer.job, "close": peer.close}[request["action"]](request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
