"""Tasks that a random two-layer network sets, as classes or as numbers to reproduce."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from rule_id.errors import InputError
from rule_id.tasks.data import TaskData, split, standardised
from rule_id.tasks.task import Task, classification

__all__ = [
    "N_EXAMPLES",
    "N_TEST",
    "bins",
    "gaussian_inputs",
    "pretraining_task",
    "random_teacher",
    "teacher_regression",
    "teacher_student",
]

N_EXAMPLES, N_TEST = 2400, 600
"""Of every task whose examples are made: all of them, and those held out."""

PRETRAINING_VALUES = 2**25
"""Input values (examples x channels x pixels) of a pretraining task at most."""

N_BINS = 5


def teacher_student(
    generator: np.random.Generator, n_in: int = 32, n_classes: int = 5, n_examples: int = N_EXAMPLES
) -> TaskData:
    r"""Gaussian inputs labelled by a random two-layer teacher network.

    Inputs as `gaussian_inputs`, the label the largest output of a `random_teacher`, so that no
    class is rare.

    Args:
        generator: Draws the teacher and the examples.
        n_in: Input units.
        n_classes: Classes, 2 or more.
        n_examples: Training and test examples together; a quarter of them are held out.
    """
    x = gaussian_inputs(generator, n_examples, n_in)
    y = np.argmax(random_teacher(x, n_classes, generator), axis=1)
    return split(x, y, generator, n_test=round(n_examples / 4))


def teacher_regression(generator: np.random.Generator, n_in: int = 32, n_out: int = 4) -> TaskData:
    """Gaussian inputs and the outputs of a random two-layer teacher network, without noise.

    Inputs as `gaussian_inputs`, targets the outputs of a `random_teacher`. Groups are fifths of the
    examples by the teacher's first output.

    Args:
        generator: Draws the teacher and the examples.
        n_in: Input units.
        n_out: Outputs.
    """
    x = gaussian_inputs(generator, N_EXAMPLES, n_in)
    y = random_teacher(x, n_out, generator)
    return split(x, y, generator, n_test=N_TEST, groups=bins(y[:, 0]))


def pretraining_task(input_shape: tuple[int, ...], n_out: int) -> Task:
    """Return a classification task of a shape, to train a network on before the recorded one.

    Vectors are `gaussian_inputs`, images Gaussian noise that is smooth over a length drawn from
    1/16 to 1/4 of the side; classes are the largest output of a `random_teacher`.

    Args:
        input_shape: (features,) or (channels, height, width).
        n_out: Classes, 2 or more.

    Returns:
        A task of 1,800 training and 600 test examples; fewer, but 256 together, of images with
        more than 13,981 values, such as 3 x 69 x 69 ones.

    Raises:
        InputError: The shape has neither one nor three axes, or there are fewer than 2 classes.
    """
    if len(input_shape) not in (1, 3):
        raise InputError(f"input_shape must have 1 or 3 axes; got {input_shape}")
    if n_out < 2:
        raise InputError(f"n_out of a pretraining task must be at least 2; got {n_out}")
    n = min(N_EXAMPLES, max(256, PRETRAINING_VALUES // math.prod(input_shape)))
    draw = partial(_pretraining, input_shape=input_shape, n_classes=n_out, n_examples=n)
    n_test = round(n / 4)
    return classification("pretraining", draw, input_shape, n_out, n - n_test, n_test)


def gaussian_inputs(generator: np.random.Generator, n_examples: int, n_in: int) -> np.ndarray:
    """Return x (n_examples, n_in), x_i ~ N(0, i^{-p}) along axes rotated at random.

    The power p is uniform in 0 to 1; the standard deviation over all values is 1.
    """
    spectrum = np.arange(1, n_in + 1) ** (-generator.uniform(0, 1) / 2)
    rotation = np.linalg.qr(generator.normal(size=(n_in, n_in)))[0]
    x = (generator.normal(size=(n_examples, n_in)) * spectrum) @ rotation
    return x / x.std()


def random_teacher(x: np.ndarray, n_out: int, generator: np.random.Generator) -> np.ndarray:
    """Return the outputs of a random two-layer network, each standardised over the examples.

    16 to 64 hidden units tanh(g A x), A standard normal / sqrt(n_in), the gain g uniform in 1 to 3;
    outputs are standard normal mixtures of them.

    Args:
        x: Inputs of about unit variance (n, n_in).
        n_out: Outputs.
        generator: Draws the network.

    Returns:
        (n, n_out).
    """
    hidden = int(generator.integers(16, 65))
    first = generator.normal(size=(x.shape[1], hidden)) / np.sqrt(x.shape[1])
    activity = np.tanh(generator.uniform(1, 3) * x @ first)
    readout = activity @ generator.normal(size=(hidden, n_out))
    return (readout - readout.mean(0)) / readout.std(0)


def bins(values: np.ndarray) -> np.ndarray:
    """Return in which fifth of the examples each value (n,) lies, 0 to 4, (n,)."""
    ranks = np.argsort(np.argsort(values))
    return ranks * N_BINS // len(values)


def _pretraining(
    generator: np.random.Generator,
    input_shape: tuple[int, ...],
    n_classes: int,
    n_examples: int,
) -> TaskData:
    if len(input_shape) == 1:
        return teacher_student(generator, input_shape[0], n_classes, n_examples)
    x = _smooth_images(generator, n_examples, input_shape)
    flat = x.reshape(n_examples, -1)
    y = np.argmax(random_teacher(flat / flat.std(), n_classes, generator), axis=1)
    return standardised(split(x, y, generator, n_test=round(n_examples / 4)))


def _smooth_images(
    generator: np.random.Generator, n_examples: int, shape: tuple[int, ...]
) -> np.ndarray:
    """White noise through a Gaussian filter, (n_examples, *shape), float32."""
    height, width = shape[1:]
    length = generator.uniform(1 / 16, 1 / 4) * np.array([height, width])
    squares = (np.fft.fftfreq(height)[:, None] * length[0]) ** 2
    squares = squares + (np.fft.rfftfreq(width) * length[1]) ** 2
    noise = np.fft.rfft2(generator.standard_normal((n_examples, *shape), np.float32))
    transmitted = np.exp(-2 * np.pi**2 * squares).astype(np.float32)
    return np.fft.irfft2(noise * transmitted, (height, width))
