"""Float32 products of matrices: PyTorch through MKL (default) and oneDNN, or cuBLAS, NumPy's own OpenBLAS, and the system's OpenBLAS through ctypes.

The system's library is opened with its kernels named where the processor has AVX-512, because releases up to at least 0.3.21 don't
recognise newer processors and fall back to half-width ones.
"""

import contextlib
import ctypes
import os
from pathlib import Path

import numpy as np
import torch
from data import on_gpu, tensor, uniform

LIBRARY = "libopenblas.so.0"
ROW_MAJOR, NO_TRANSPOSE = 101, 111


@contextlib.contextmanager
def kernels_named():
    flags = Path("/proc/cpuinfo").read_text().split() if os.path.exists("/proc/cpuinfo") else []
    wide = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}.issubset(flags)
    before = os.environ.get("OPENBLAS_CORETYPE")
    if wide:
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
    try:
        yield
    finally:
        os.environ.pop("OPENBLAS_CORETYPE", None)
        if before is not None:
            os.environ["OPENBLAS_CORETYPE"] = before


class Case:
    def __init__(self, sizes):
        m, d, n = sizes["rows"], sizes["inner"], sizes["columns"]
        self.a = uniform(1, m, d) - np.float32(0.5)
        self.b = uniform(2, d, n) - np.float32(0.5)
        self.c = np.empty((m, n), dtype=np.float32)
        self.makers = {"default": self.torch_mm}
        if on_gpu():
            self.makers["torch.mm into a buffer"] = self.torch_mm_out
        else:
            self.makers |= {"torch oneDNN": self.torch_mm_out, "numpy": self.numpy, "OpenBLAS": self.openblas}

    def form(self, name):
        run = self.makers[name]()

        def result():
            self.c[...] = np.nan
            out = run()
            return self.c.copy() if out is None else out.cpu().numpy()

        return run, result

    def torch_mm(self):
        a, b = tensor(self.a), tensor(self.b)
        return lambda: a @ b

    def torch_mm_out(self):
        a, b, c = (tensor(x) for x in (self.a, self.b, self.c))

        def run():
            torch.mm(a, b, out=c)
            return c

        return run

    def numpy(self):
        def run():
            np.matmul(self.a, self.b, out=self.c)

        return run

    def openblas(self):
        with kernels_named():
            library = ctypes.CDLL(LIBRARY)
        library.openblas_set_num_threads(torch.get_num_threads())
        sgemm = library.cblas_sgemm
        whole, real, pointer = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
        sgemm.argtypes = [whole] * 6 + [real, pointer, whole, pointer, whole, real, pointer, whole]
        sgemm.restype = None
        (m, d), n = self.a.shape, self.b.shape[1]
        arguments = (ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, m, n, d)
        arguments += (1.0, self.a.ctypes.data, d, self.b.ctypes.data, n, 0.0, self.c.ctypes.data, n)
        return lambda: sgemm(*arguments)

    def reference(self):
        return self.a.astype(np.float64) @ self.b.astype(np.float64)
