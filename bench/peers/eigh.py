"""All eigenvalues and eigenvectors of a Gram matrix: PyTorch through LAPACK (MKL) or cuSOLVER, NumPy and SciPy through their own OpenBLAS.

On a GPU PyTorch waits for the solver's verdict, so none of this can be recorded.
"""

import numpy as np
import torch
from data import array, on_gpu, tensor, uniform


class Case:
    recorded = False

    def __init__(self, sizes):
        rows, width = sizes["rows"], sizes["width"]
        x = (uniform(1, rows, width) - np.float32(0.5)).astype(np.float64)
        self.double = sizes["bits"] == 64
        self.a = (x.T @ x).astype(np.float64 if self.double else np.float32)
        self.makers = {"default": self.torch}
        if not self.double:
            self.makers["torch in float64"] = self.torch_in_float64
        if not on_gpu():
            self.makers |= {"numpy": self.numpy, "scipy evd": lambda: self.scipy("evd"), "scipy evr": lambda: self.scipy("evr")}

    def form(self, name):
        """The result is the eigenvalues, largest first."""
        run = self.makers[name]()
        return run, lambda: array(run()[0])[::-1]

    def torch(self):
        a = tensor(self.a)
        return lambda: torch.linalg.eigh(a)

    def torch_in_float64(self):
        a = tensor(self.a)

        def run():
            values, vectors = torch.linalg.eigh(a.double())
            return values.float(), vectors.float()

        return run

    def numpy(self):
        return lambda: np.linalg.eigh(self.a)

    def scipy(self, driver):
        from scipy.linalg import eigh

        return lambda: eigh(self.a, driver=driver, check_finite=False)

    def reference(self):
        """Rayleigh quotients, in which the vectors' errors count squared."""
        a = self.a.astype(np.float64)
        _, v = np.linalg.eigh(a)
        return (((a @ v) * v).sum(0) / (v * v).sum(0))[::-1]
