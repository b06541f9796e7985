"""Inputs that Node and Python make alike from a seed, so that no data crosses the pipe (lib/bench/data.ts is the other half)."""

import numpy as np
import torch

device = torch.device("cpu")  # where the work is done; peer.py sets it before a case is opened


def on_gpu():
    return device.type == "cuda"


def tensor(array):
    """The array as a tensor where the work is done; on the processor both share their memory."""
    return torch.from_numpy(array).to(device)


def array(result):
    """The numbers of a tensor, or of an array, as an array of their own."""
    return (result.detach().cpu().numpy() if torch.is_tensor(result) else result).copy()


def uniform(seed, *shape):
    """float32 numbers in [0, 1), multiples of 2^-24: element i is the 32-bit mix of i + seed * 2654435769."""
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) + np.uint32(seed * 2654435769 % 2**32)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return ((x >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)).reshape(shape)


def unit_rows(x):
    """Rows of length 1, computed in float64."""
    y = x.astype(np.float64)
    return (y / np.sqrt((y * y).sum(axis=1, keepdims=True))).astype(np.float32)


def summary(result):
    """What Node compares: the Euclidean norm of a result and 64 of its elements, evenly spread."""
    flat = np.asarray(result, dtype=np.float64).ravel()
    at = (np.arange(64) * flat.size) // 64
    return {"size": int(flat.size), "norm": float(np.linalg.norm(flat)), "sample": [float(v) for v in flat[at]]}
