"""The other side of `striate bench`: one process that does the same work in PyTorch and NumPy, asked round by round.

Reads one JSON object a line on stdin, answers one a line on stdout:
  {"action": "hello", "threads": 1}  versions, threads and the environment that matters
  {"action": "time", "op": "gemm", "case": "512", "sizes": {...}, "forms": [...]}  seconds of one repetition in one burst of each form
      (all, or those asked for): {"forms": {form: {"wall": s, "cpu": s}}, "failed": {form: reason}, "lighter": [form]}
      The first request of a case builds and warms up all its forms.
  {"action": "check", ...}  {"forms": {form: largest error / largest element}, "reference": summary of the float64 result}
  {"action": "close", ...}  the memory of a case is given back
A form is one way to write the work. "default" is how a user writes it first; every other one is a candidate for the best, but for those
in "lighter", which do less than the work. "failed" are forms that can't run here: no compiler for torch.compile, no OpenBLAS.
"""

import gc
import importlib
import json
import os
import platform
import sys
import time

BURST_SECONDS = 0.03
ENVIRONMENT = ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "OMP_WAIT_POLICY", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Peer:
    def __init__(self):
        self.cases = {}

    def hello(self, request):
        import numpy
        import torch

        torch.set_num_threads(request["threads"])
        return {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "threads": torch.get_num_threads(),
            "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        }

    def opened(self, request):
        key = (request["op"], request["case"])
        if key not in self.cases:
            case = importlib.import_module(request["op"]).Case(request["sizes"])
            forms, failed = {}, {}
            for name in case.makers:
                try:
                    forms[name] = Form("highest" if name == "default" else "medium", *case.form(name))
                except Exception as error:  # the reason goes into the report
                    failed[name] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            self.cases[key] = (case, forms, failed)
        return self.cases[key]

    def time(self, request):
        case, forms, failed = self.opened(request)
        bursts = {name: form.burst() for name, form in forms.items() if name in request.get("forms", forms)}
        return {"forms": bursts, "failed": failed, "lighter": getattr(case, "lighter", [])}

    def check(self, request):
        import numpy as np
        from data import summary

        case, forms, failed = self.opened(request)
        reference = np.asarray(case.reference())
        scale = np.abs(reference).max()
        errors = {name: float(np.abs(form.result() - reference).max() / scale) for name, form in forms.items()}
        return {"forms": errors, "failed": failed, "reference": summary(reference)}

    def close(self, request):
        self.cases.pop((request["op"], request["case"]), None)
        gc.collect()
        return {}


class Form:
    """One way to do the work, warmed up, with as many repetitions as fill a burst.

    Precision "medium" only sends PyTorch's float32 products to oneDNN: on a processor without bfloat16 matrix units they keep float32
    accuracy (the check shows it), and on AMD oneDNN is about twice as fast as MKL.
    """

    def __init__(self, precision, run, once):
        self.precision, self.run, self.once = precision, run, once
        self.enter()
        run()  # compiles, allocates
        seconds = float("inf")  # the best of three: another program may interrupt one
        for _ in range(3):
            start = time.perf_counter()
            run()
            seconds = min(seconds, time.perf_counter() - start)
            if seconds > 10 * BURST_SECONDS:
                break
        self.repetitions = max(1, min(100_000, round(BURST_SECONDS / max(seconds, 1e-7))))

    def enter(self):
        import torch

        torch.set_float32_matmul_precision(self.precision)

    def result(self):
        self.enter()
        return self.once()

    def burst(self):
        self.enter()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(self.repetitions):
            self.run()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return {"wall": wall / self.repetitions, "cpu": cpu / self.repetitions}


def main():
    # Answers go to the pipe; whatever a library or a compiler prints goes to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = Peer()
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = {"hello": peer.hello, "time": peer.time, "check": peer.check, "close": peer.close}[request["action"]](request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
