"""Square float64 products: PyTorch through MKL or cuBLAS, NumPy through its own OpenBLAS."""

import gemm
import numpy as np
from data import on_gpu


class Case(gemm.Case):
    def __init__(self, sizes):
        super().__init__(sizes)
        self.a, self.b, self.c = (x.astype(np.float64) for x in (self.a, self.b, self.c))
        self.makers = {"default": self.torch_mm, "torch.mm into a buffer": self.torch_mm_out}
        if not on_gpu():
            self.makers["numpy"] = self.numpy
