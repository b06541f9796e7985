"""Ridge regression to many targets, its penalty chosen by leaving out each image, and what it predicts for other images; in float64.

All forms leave out exactly, from one decomposition or from the inverse at each penalty, and work on inner products of images, which are
fewer than features. scikit-learn chooses by the squared error; here that is the penalty of the highest mean r, by which the others choose.
"""

import numpy as np
import torch
import data
from data import array, on_gpu, tensor, uniform


def alignment(sizes):
    """Features of the images to learn from and of others, and responses to the first: lib/bench/alignment_cases.ts makes the same."""
    n, p, t = sizes["learned"], sizes["features"], sizes["targets"]
    scale = (1 / np.sqrt(1.0 + np.arange(p))).astype(np.float32)
    x = (uniform(1, n + sizes["others"], p) - np.float32(0.5)) * scale
    noise = uniform(2, n, t).astype(np.float64) - 0.5
    wide = x[:n].astype(np.float64)
    return x[:n], x[n:], wide[:, :t] + wide[:, t : 2 * t] + noise / 4


def correlation(a, b):
    """r of each column; `a` may have axes before its last two."""
    a, b = a - a.mean(-2, keepdims=True), b - b.mean(-2, keepdims=True)
    return (a * b).sum(-2) / np.sqrt((a * a).sum(-2) * (b * b).sum(-2))


class Case:
    recorded = False  # the solvers' verdicts are waited for

    def __init__(self, sizes):
        self.x, self.others, self.y = alignment(sizes)
        self.lambdas = 10.0 ** (np.arange(sizes["lambdas"]) - 4)
        self.makers = {"default": self.torch if on_gpu() else self.scikit_learn}
        if not on_gpu():
            self.makers |= {
                "torch": self.torch,
                "numpy eigh": lambda: self.decomposed(np.linalg.eigh),
                "scipy evd, dsyrk": lambda: self.decomposed(self.scipy_solver("evd"), self.half_product),
                "scipy evr, dsyrk": lambda: self.decomposed(self.scipy_solver("evr"), self.half_product),
                "scipy cholesky, dsyrk": self.cholesky,
            }

    def form(self, name):
        run = self.makers[name]()
        return run, lambda: array(run())

    def scikit_learn(self):
        from sklearn.linear_model import RidgeCV

        def run():
            model = RidgeCV(self.lambdas).fit(self.x.astype(np.float64), self.y)
            return model.predict(self.others.astype(np.float64))

        return run

    def torch(self):
        x, others, y = tensor(self.x), tensor(self.others), tensor(self.y)
        lambdas = tensor(self.lambdas)

        def run():
            wide = x.double()
            mean, centre = wide.mean(0), y.mean(0)
            a, b, c = wide - mean, others.double() - mean, y - centre
            values, vectors = torch.linalg.eigh(a @ a.T)
            values, vectors = values[1:], vectors[:, 1:]  # the direction of the intercept is not penalised
            turned = vectors.T @ c
            scores = []
            for penalty in lambdas:
                share = penalty / (values + penalty)
                left_out = c - vectors @ (share[:, None] * turned) / (vectors**2 @ share)[:, None]
                left_out = left_out - left_out.mean(0)
                scores.append((torch.nn.functional.cosine_similarity(left_out, c, dim=0)).mean())
            best = lambdas[torch.stack(scores).argmax()]
            return b @ (a.T @ (vectors @ (turned / (values + best)[:, None]))) + centre

        return run

    def scipy_solver(self, driver):
        from scipy.linalg import eigh

        return lambda k: eigh(k, driver=driver, check_finite=False, overwrite_a=True)

    @staticmethod
    def half_product(a):
        """The lower triangle of a a', in Fortran's order: no more is read."""
        from scipy.linalg.blas import dsyrk

        return dsyrk(1.0, a.T, trans=1, lower=1)

    def centred(self):
        wide = self.x.astype(np.float64)
        mean, centre = wide.mean(0), self.y.mean(0)
        wide -= mean
        return wide, self.others - mean, self.y - centre, centre

    def decomposed(self, solve, product=lambda a: a @ a.T):
        def run():
            a, b, y, centre = self.centred()
            values, vectors = solve(product(a))
            values, vectors = values[1:], vectors[:, 1:]
            turned = vectors.T @ y
            shares = self.lambdas / (values[:, None] + self.lambdas)
            residual = vectors @ (shares[:, :, None] * turned[:, None]).reshape(len(values), -1)
            diagonal = (vectors * vectors) @ shares
            left_out = y[:, None] - residual.reshape(len(y), len(self.lambdas), -1) / diagonal[:, :, None]
            best = self.lambdas[np.argmax(correlation(left_out.transpose(1, 0, 2), y).mean(1))]
            return b @ (a.T @ (vectors @ (turned / (values + best)[:, None]))) + centre

        return run

    def cholesky(self):
        """The inverse at each penalty; in the direction of the intercept it is 1 / penalty, which is taken off."""
        from scipy.linalg.blas import dsymm
        from scipy.linalg.lapack import dpotrf, dpotri

        def run():
            a, b, y, centre = self.centred()
            k = self.half_product(a)
            n = len(y)
            best = None
            for penalty in self.lambdas:
                g = k.copy(order="F")
                g.ravel(order="K")[:: n + 1] += penalty
                inverse, _ = dpotri(dpotrf(g, lower=1, overwrite_a=1)[0], lower=1, overwrite_c=1)
                dual = dsymm(1.0, inverse, y, lower=1)
                left_out = y - dual / (inverse.diagonal() - 1 / (n * penalty))[:, None]
                score = correlation(left_out, y).mean()
                if best is None or score >= best[0]:
                    best = score, dual
            return b @ (a.T @ best[1]) + centre

        return run

    def reference(self):
        """At the penalty chosen, by solving the centred system, refined once with the residual."""
        a, b, y, centre = self.centred()
        return self.solved(a, b, y, self.chosen(a, y)) + centre

    def chosen(self, a, y):
        """By the formula of the inverse, from the singular values of the features."""
        u, s, _ = np.linalg.svd(a, full_matrices=False)
        u, s = u[:, :-1], s[:-1]
        scores = []
        for penalty in self.lambdas:
            share = penalty / (s * s + penalty)
            left_out = y - (u * share) @ (u.T @ y) / ((u * u) @ share)[:, None]
            scores.append(correlation(left_out, y).mean())
        return self.lambdas[int(np.argmax(scores))]

    def solved(self, a, b, y, penalty):
        k = a @ a.T + penalty * np.eye(len(y))
        dual = np.linalg.solve(k, y)
        dual += np.linalg.solve(k, y - k @ dual)
        return b @ (a.T @ dual)
