"""Images and their classes, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["ImageSet"]


class ImageSet(NamedTuple):
    """Images of training, or held-out ones.

    Attributes:
        labels: Class of each image (n,), int64.
        images: From indices (k,) to those images (k, channels, height, width), uint8.
    """

    labels: np.ndarray
    images: Callable[[np.ndarray], np.ndarray]
