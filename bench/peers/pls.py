"""Partial least squares with the numbers of scikit-learn's PLSRegression, and what it predicts for other images; in float64.

The best forms run the power iteration on the targets alone, C = Y'XX'Y. "kernel" deflates the inner products of images with the
responses; "improved kernel" (Dayal and MacGregor 1997) deflates X'Y alone, and "square" C with it, by two vectors a component.
"""

import numpy as np
import torch
from data import array, on_gpu, tensor
from ridge import alignment

TOLERANCE, ITERATIONS = 1e-6, 500  # scikit-learn's: squared change of weights of length 1


def weights_of(c):
    """b with b'Cb = 1, by the iteration of NIPALS from the first target on."""
    b = np.zeros(len(c))
    b[0] = 1
    turned = c @ b
    length = np.sqrt(b @ turned)
    b, turned = b / length, turned / length
    for _ in range(ITERATIONS - 1):
        after = c @ turned
        length = np.sqrt(turned @ after)
        next_b, next_turned = turned / length, after / length
        change = (next_b - b) @ (next_turned - turned)
        b, turned = next_b, next_turned
        if change < TOLERANCE:
            break
    return b


class Case:
    recorded = False  # the iteration's end is waited for

    def __init__(self, sizes):
        self.components = sizes["components"]
        self.x, self.others, self.y = alignment(sizes)
        self.makers = {"default": self.torch if on_gpu() else self.scikit_learn}
        if not on_gpu():
            self.makers |= {
                "torch": self.torch,
                "numpy kernel": self.kernel,
                "numpy improved kernel": lambda: self.improved_kernel(False),
                "numpy improved kernel, square": lambda: self.improved_kernel(True),
            }

    def form(self, name):
        run = self.makers[name]()
        return run, lambda: array(run())

    def scikit_learn(self):
        from sklearn.cross_decomposition import PLSRegression

        def run():
            model = PLSRegression(self.components, scale=False, tol=TOLERANCE, max_iter=ITERATIONS)
            return model.fit(self.x.astype(np.float64), self.y).predict(self.others.astype(np.float64))

        return run

    def torch(self):
        """NIPALS as it stands."""
        x, others, responses = tensor(self.x), tensor(self.others), tensor(self.y)

        def run():
            a, y = x.double(), responses
            mean, centre = a.mean(0), y.mean(0)
            a, y = a - mean, y - centre
            ws, ps, qs = [], [], []
            for _ in range(self.components):
                u, before = y[:, 0], None
                for _ in range(ITERATIONS):
                    w = a.T @ u
                    w = w / w.norm()
                    t = a @ w
                    q = y.T @ t / (t @ t)
                    u = y @ q / (q @ q)
                    if before is not None and (w - before).square().sum() < TOLERANCE:
                        break
                    before = w
                p = a.T @ t / (t @ t)
                a = a - torch.outer(t, p)
                y = y - torch.outer(t, q)
                ws.append(w), ps.append(p), qs.append(q)
            w, p, q = (torch.stack(vectors, 1) for vectors in (ws, ps, qs))
            return (others.double() - mean) @ (w @ torch.linalg.solve(p.T @ w, q.T)) + centre

        return run

    def centred(self):
        wide = self.x.astype(np.float64)
        mean, centre = wide.mean(0), self.y.mean(0)
        wide -= mean
        return wide, self.others - mean, self.y - centre, centre

    def kernel(self):
        from scipy.linalg.blas import dsyrk

        def run():
            a, others, y, centre = self.centred()
            half = dsyrk(1.0, a.T, trans=1, lower=1)
            k = np.tril(half) + np.tril(half, -1).T
            image = k @ y
            scores, duals, loadings = [], [], []
            for _ in range(self.components):
                b = weights_of(y.T @ image)
                t, dual = image @ b, y @ b
                length = t @ t
                q = y.T @ t / length
                turned = k @ t
                for s in scores:
                    turned -= s * (s @ turned / (s @ s))
                y -= np.outer(t, q)
                image -= np.outer(turned, q)
                image -= np.outer(t, t @ image / length)
                scores.append(t), duals.append(dual), loadings.append(q)
            t, dual, q = (np.stack(vectors, 1) for vectors in (scores, duals, loadings))
            inner = np.triu((k @ t).T @ dual / (t * t).sum(0)[:, None])
            return (others @ a.T) @ (dual @ np.linalg.solve(inner, q.T)) + centre

        return run

    def improved_kernel(self, square):
        def run():
            a, others, y, centre = self.centred()
            xy = a.T @ y
            c = xy.T @ xy
            rotations, ps, qs = [], [], []
            for _ in range(self.components):
                r = xy @ weights_of(c)
                w = r.copy()
                for p, earlier in zip(ps, rotations):
                    r -= (p @ w) * earlier
                t = a @ r
                length = t @ t
                p, q = t @ a / length, r @ xy / length
                if square:
                    along = length * (p @ xy)
                    c -= np.outer(along, q) + np.outer(q, along) - length**2 * (p @ p) * np.outer(q, q)
                    xy -= np.outer(p * length, q)
                else:
                    xy -= np.outer(p * length, q)
                    c = xy.T @ xy
                rotations.append(r), ps.append(p), qs.append(q)
            return (others @ np.stack(rotations, 1)) @ np.stack(qs) + centre

        return run

    def reference(self):
        """NIPALS, with features and responses deflated."""
        x, others, y, centre = self.centred()
        rotations, ps, qs = [], [], []
        for _ in range(self.components):
            xy = x.T @ y
            w = xy @ weights_of(xy.T @ xy)
            t = x @ w
            p, q = t @ x / (t @ t), t @ y / (t @ t)
            x -= np.outer(t, p)
            y -= np.outer(t, q)
            rotation = w.copy()
            for earlier_p, earlier in zip(ps, rotations):
                rotation -= (earlier_p @ w) * earlier
            rotations.append(rotation), ps.append(p), qs.append(q)
        return (others @ np.stack(rotations, 1)) @ np.stack(qs) + centre
