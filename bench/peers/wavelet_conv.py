"""The maps of a wavelet block: each channel under a Gaussian (linear) and under complex Morlet wavelets (moduli), borders as published.

An axis is reflected by 2 pixels (an odd one by 1 before), the grid so made is circular, and 2 pixels a side are cropped again. "default" is
the grouped convolution of all channels, real and imaginary parts apart. The best forms take each channel as an image of its own, so that one
convolution gives all filters, or work in Fourier space, as the published code does. Where a map has fewer pixels than a filter, the whole
block is one small matrix.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from data import array, on_gpu, tensor, uniform

TURN = 6.283  # the published code's 2 pi


def morlet(step, orientations, sigma, xi, slant, size):
    """(envelope, wavelet) of the angle step * pi / orientations from the axis of the rows, float64 [size, size]."""
    angle = step * math.pi / orientations
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = np.mgrid[:size, :size] - (size - 1) / 2
    curved, across = cos**2 + (slant * sin) ** 2, sin**2 + (slant * cos) ** 2
    crossed = (1 - slant**2) * cos * sin
    exponent = -(curved * x * x + 2 * crossed * x * y + across * y * y) / (2 * sigma**2)
    envelope = slant / (TURN * sigma**2) * np.exp(exponent)
    wave = np.exp(1j * xi * (cos * x + sin * y))
    beta = np.float32((envelope * wave.real).sum() / envelope.sum())
    return envelope, envelope * (wave - beta)


def bank_of(sizes):
    """The filters as float32 [1 + 2 L, size, size]: the Gaussian, all real parts, all imaginary parts."""
    orientations, size = sizes["orientations"], sizes["size"]
    gaussian, _ = morlet(0, orientations, sizes["lowpass"], 0, 1, size)
    steps = [math.trunc(orientations / 2 - 1) - i for i in range(orientations)]
    wavelets = [morlet(step, orientations, sizes["sigma"], sizes["xi"], sizes["slant"], size)[1] for step in steps]
    parts = [gaussian] + [w.real for w in wavelets] + [w.imag for w in wavelets]
    return np.stack(parts).astype(np.float32)


class Axis:
    """The grid of an axis of so many pixels: `before` and 2 are reflected, and every `subsample`-th place of what the crop leaves is kept."""

    def __init__(self, pixels, subsample):
        self.before = 1 if pixels % 2 else 2
        self.grid = pixels + self.before + 2
        self.kept = slice(2, self.grid - 2, subsample)
        self.outputs = len(range(*self.kept.indices(self.grid)))
        self.pixel = np.pad(np.arange(pixels), (self.before, 2), mode="reflect")

    def reached(self, reach):
        """The pixel under each place that filters of this reach read."""
        return self.pixel[np.arange(2 - reach, self.grid - 2 + reach) % self.grid]


class Bank:
    """The maps [N, C (1 + L), P, Q] of a batch, in many forms: each maker takes what becomes of them, and gives a function that does both."""

    def __init__(self, sizes):
        n, c, side = sizes["batch"], sizes["channels"], sizes["side"]
        self.subsample, self.orientations, size = sizes["subsample"], sizes["orientations"], sizes["size"]
        self.reach = (size - 1) // 2
        self.axis = Axis(side, self.subsample)
        self.images = uniform(1, n, c, side, side)
        self.bank = bank_of(sizes)
        self.x = tensor(self.images)
        # conv2d correlates: the filters are turned round.
        self.filters = tensor(np.ascontiguousarray(self.bank[:, None, ::-1, ::-1]))
        self.makers = {
            "default": self.depthwise,
            "one convolution": lambda finish: self.grouped(c, self.together(), finish),
            "one convolution, borders gathered": lambda finish: self.grouped(c, self.together(self.gathered()), finish),
            "Gaussian apart": lambda finish: self.grouped(c, self.gaussian_apart(), finish),
            "Fourier": lambda finish: self.grouped(c, self.fourier(), finish),
            "torch.compile, one convolution": lambda finish: self.compiled(self.together(), finish),
            "torch.compile, Gaussian apart": lambda finish: self.compiled(self.gaussian_apart(), finish),
        }
        if on_gpu():
            self.makers["patch product"] = lambda finish: self.grouped(c, self.patch_product(), finish)
        else:  # what 16 channels need fits the cache
            self.makers |= {
                "one convolution, groups of 16": lambda finish: self.grouped(16, self.together(), finish),
                "Gaussian apart, groups of 16": lambda finish: self.grouped(16, self.gaussian_apart(), finish),
                "Fourier, groups of 16": lambda finish: self.grouped(16, self.fourier(), finish),
                "patch product, groups of 16": lambda finish: self.grouped(16, self.patch_product(), finish),
            }
        if side <= size:
            self.makers |= {
                "one matrix": lambda finish: self.grouped(c, self.matrix(), finish),
                "torch.compile, one matrix": lambda finish: self.compiled(self.matrix(), finish),
            }

    def grouped(self, group, responses, finish):
        """responses(x [N, C, H, W]) -> the Gaussian's [N C, P, Q], and the wavelets' [N C, 2 L, P, Q] or complex [N C, L, P, Q].

        They become maps for the whole batch, or for so many channels of an image at a time.
        """
        n, c = self.x.shape[:2]
        maps = self.x.new_empty(n, c * (1 + self.orientations), self.axis.outputs, self.axis.outputs)
        whole = self.x, maps[:, :c], maps[:, c:].unflatten(1, (c, self.orientations))
        pieces = [[t[i : i + 1, j : j + group] for t in whole] for i in range(n) for j in range(0, c, group)] if group < c else [whole]

        def run():
            for x, low, psi in pieces:
                gaussian, wavelets = responses(x)
                low.copy_(gaussian.unflatten(0, low.shape[:2]))
                wavelets = wavelets.unflatten(0, low.shape[:2])
                if wavelets.is_complex():
                    torch.abs(wavelets, out=psi)
                else:
                    real, imaginary = wavelets.split(self.orientations, 2)
                    torch.mul(real, real, out=psi).addcmul_(imaginary, imaginary).sqrt_()
            return finish(maps)

        return run

    def compiled(self, responses, finish):
        def whole(x):
            gaussian, wavelets = responses(x)
            real, imaginary = wavelets.split(self.orientations, 1)
            psi = (real * real + imaginary * imaginary).sqrt().unflatten(0, x.shape[:2]).flatten(1, 2)
            return finish(torch.cat([gaussian.unflatten(0, x.shape[:2]), psi], 1))

        step = torch.compile(whole, dynamic=False, fullgraph=True)
        return lambda: step(self.x)

    def reflected(self, x):
        before = self.axis.before
        return F.pad(x, (before, 2, before, 2), mode="reflect")

    def bordered(self, x):
        """All pixels that the filters read; the circular grid goes on past the crop by what they reach."""
        return F.pad(self.reflected(x), (self.reach - 2,) * 4, mode="circular")

    def gathered(self):
        place = tensor(self.axis.reached(self.reach))
        return lambda x: x[:, :, place[:, None], place]

    def parts(self):
        return self.filters.split([1, self.orientations, self.orientations])

    def depthwise(self, finish):
        """As a user writes it first."""
        c = self.x.shape[1]
        gaussian, real, imaginary = (part.repeat(c, 1, 1, 1) for part in self.parts())

        def run():
            x = self.bordered(self.x)
            low, re, im = (F.conv2d(x, w, stride=self.subsample, groups=c) for w in (gaussian, real, imaginary))
            return finish(torch.cat([low, torch.hypot(re, im)], 1))

        return run

    def together(self, bordered=None):
        bordered = bordered or self.bordered

        def responses(x):
            y = F.conv2d(bordered(x).flatten(0, 1)[:, None], self.filters, stride=self.subsample)
            return y[:, 0], y[:, 1:]

        return responses

    def gaussian_apart(self):
        """The Gaussian along one axis and then along the other, so that 2 L filters are left: 16 fill a vector."""
        wavelets = torch.cat(self.parts()[1:])
        middle = self.bank[0, self.reach].astype(np.float64)
        line = tensor((middle / math.sqrt(middle[self.reach])).astype(np.float32))
        down, across = line.view(1, 1, -1, 1), line.view(1, 1, 1, -1)

        def responses(x):
            x = self.bordered(x).flatten(0, 1)[:, None]
            lines = F.conv2d(x, down, stride=(self.subsample, 1))
            gaussian = F.conv2d(lines, across, stride=(1, self.subsample))
            return gaussian[:, 0], F.conv2d(x, wavelets, stride=self.subsample)

        return responses

    def patch_product(self):
        filters = self.filters.flatten(1)
        window, p = 2 * self.reach + 1, self.axis.outputs

        def responses(x):
            windows = self.bordered(x).flatten(0, 1).unfold(1, window, self.subsample).unfold(2, window, self.subsample)
            patches = windows.permute(0, 3, 4, 1, 2).reshape(len(windows), window**2, p * p)
            y = (filters @ patches).unflatten(2, (p, p))
            return y[:, 0], y[:, 1:]

        return responses

    def fourier(self):
        """One transform forward and 1 + L back, which subsampling makes a quarter as large: spectra are folded first."""
        response = tensor((self.frequency_response() / self.subsample**2).astype(np.float32))
        crop = slice(2 // self.subsample, -2 // self.subsample)
        half = self.axis.grid // 2

        def responses(x):
            product = torch.fft.fft2(self.reflected(x)).flatten(0, 1)[:, None] * response
            if self.subsample == 2:
                product = product[..., :half, :] + product[..., half:, :]
                product = product[..., :half] + product[..., half:]
            y = torch.fft.ifft2(product)[..., crop, crop]
            return y[:, 0].real, y[:, 1:]

        return responses

    def matrix(self):
        """All filters at all places of a small map, borders included: one matrix of pixels by responses."""
        side = self.x.shape[-1]
        p, l = self.axis.outputs, self.orientations
        y = self.exact(np.eye(side**2).reshape(-1, side, side))
        columns = np.concatenate([y[:, :1].real, y[:, 1:].real, y[:, 1:].imag], 1)
        matrix = tensor(columns.reshape(side**2, -1).astype(np.float32))

        def responses(x):
            y = (x.flatten(2).flatten(0, 1) @ matrix).unflatten(1, (1 + 2 * l, p, p))
            return y[:, 0], y[:, 1:]

        return responses

    def frequency_response(self):
        """The filters' frequency responses on the grid [1 + L, G, G]. They are real: real parts are even, imaginary parts odd."""
        l, grid = self.orientations, self.axis.grid
        wide = self.bank.astype(np.float64)
        kernels = np.concatenate([wide[:1], wide[1 : 1 + l] + 1j * wide[1 + l :]])
        folded = np.zeros((1 + l, grid, grid), dtype=np.complex128)
        place = np.arange(-self.reach, self.reach + 1) % grid
        np.add.at(folded, (slice(None), place[:, None], place), kernels)
        return np.fft.fft2(folded).real

    def exact(self, images):
        """Complex float64 [M, 1 + L, P, Q] of images [M, H, W]."""
        pixel, kept = self.axis.pixel, self.axis.kept
        spectra = np.fft.fft2(images.astype(np.float64)[:, pixel[:, None], pixel])
        return np.fft.ifft2(spectra[:, None] * self.frequency_response())[:, :, kept, kept]

    def reference(self):
        """float64 maps."""
        maps = []
        for image in self.images:
            y = self.exact(image)
            maps.append(np.concatenate([y[:, 0].real, np.abs(y[:, 1:]).reshape(-1, *y.shape[2:])]))
        return np.stack(maps)


class Case:
    def __init__(self, sizes):
        self.bank = Bank(sizes)
        self.makers = self.bank.makers

    def form(self, name):
        run = self.makers[name](lambda maps: maps)
        return run, lambda: array(run())

    def reference(self):
        return self.bank.reference()
