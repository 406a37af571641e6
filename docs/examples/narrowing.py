"""An architecture of one's own: each hidden layer has half the units of the one before."""

import math

from rule_id.networks import ARCHITECTURES, Architecture, Network
from rule_id.networks.dense import dense_layer, readout


def narrowing(input_shape, n_out, width, hidden):
    sizes = [math.prod(input_shape), width, width // 2, width // 4]
    layers = [
        dense_layer(f"hidden{place + 1}", before, after, place - 1, hidden)
        for place, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False))
    ]
    return Network((*layers, readout(sizes[-1], n_out, len(layers) - 1, hidden)))


ARCHITECTURES["narrowing"] = Architecture("dense", narrowing)
