"""Every architecture again, in plain torch, for one network: what the tests compare ours with.

Nothing here knows of layers, maps or ensembles. Parameters go by the names of layers; h is
(batch, ...), as torch's own functions take it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

Own = Mapping[str, Mapping[str, Tensor]]

LEAK = 0.4

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "tanh": torch.tanh,
    "leaky_relu": lambda z: torch.where(z > 0, z, 0.01 * z),
    "sigmoid": lambda z: 1 / (1 + torch.exp(-z)),
    "gelu": lambda z: z * torch.distributions.Normal(0.0, 1.0).cdf(z),
}


def plain_forward(
    architecture: str, own: Own, x: Tensor, activation: str, normalisation: str = "none"
) -> Tensor:
    """The output of one network (batch, n_out), in training and without dropout."""
    stem = architecture.removesuffix("_lrn")
    plain = _Plain(own, NONLINEARITIES[activation], normalisation, stem != architecture)
    if stem.startswith("dense"):
        return plain.dense(x, int(stem.removeprefix("dense")))
    if stem.startswith("resnet"):
        depth, _, form = stem.removeprefix("resnet").partition("v")
        return plain.resnet(x, {"18": (2, 2, 2, 2), "34": (3, 4, 6, 3)}[depth], int(form or 1))
    if "rnn" in stem:
        return plain.rnn(x, 2 if stem.endswith("2") else 1, LEAK if "rate" in stem else 1.0)
    return {"knet": plain.knet, "lene": plain.lenet, "alex": plain.alexnet}[stem[:4]](x)


class _Plain:
    def __init__(
        self, own: Own, f: Callable[[Tensor], Tensor], normalisation: str, local_response: bool
    ) -> None:
        self.own, self.f, self.local_response = own, f, local_response
        self.normalisation = normalisation

    def normalised(self, z: Tensor) -> Tensor:
        if self.normalisation == "batch":
            return functional.batch_norm(z, None, None, training=True)
        return functional.layer_norm(z, z.shape[1:])

    def biased(self, name: str, z: Tensor) -> Tensor:
        bias = self.own[name].get("bias")
        return z if bias is None else z + bias.view(-1, *[1] * (z.dim() - 2))

    def whole(self, name: str, total: Tensor, normalise: bool = True) -> Tensor:
        """Normalisation, then the bias."""
        normalise = normalise and self.normalisation != "none"
        return self.biased(name, self.normalised(total) if normalise else total)

    def product(self, name: str, h: Tensor, stride: int = 1) -> Tensor:
        weight = self.own[name]["weight"]
        if weight.dim() == 2:
            return functional.linear(h, weight)
        return functional.conv2d(h, weight, None, stride, weight.shape[-1] // 2)

    def hidden(self, name: str, h: Tensor, stride: int = 1) -> Tensor:
        return self.f(self.whole(name, self.product(name, h, stride)))

    def output(self, h: Tensor) -> Tensor:
        return self.biased("output", self.product("output", h))

    def dense(self, x: Tensor, n_hidden: int) -> Tensor:
        h = x.flatten(1)
        for index in range(n_hidden):
            h = self.hidden(f"hidden{index + 1}", h)
        return self.output(h)

    def responding(self, h: Tensor) -> Tensor:
        """y_c / (1 + the mean of y² over channels c - 2 to c + 2)^0.75."""
        if not self.local_response:
            return h
        padded = functional.pad(h**2, (0, 0, 0, 0, 2, 2))
        near = sum(padded[:, shift : shift + h.shape[1]] for shift in range(5))
        return h / (1 + near / 5) ** 0.75

    def knet(self, x: Tensor) -> Tensor:
        h, index = x, 0
        while f"conv{index + 1}" in self.own:
            if index and min(h.shape[2:]) >= 4:
                h = functional.max_pool2d(h, 2)
            h = self.responding(self.hidden(f"conv{index + 1}", h))
            index += 1
        return self.output(averaged(h))

    def lenet(self, x: Tensor) -> Tensor:
        h = functional.max_pool2d(self.hidden("conv1", x), 2)
        h = averaged(self.hidden("conv2", h))
        return self.output(self.hidden("dense4", self.hidden("dense3", h)))

    def alexnet(self, x: Tensor) -> Tensor:
        large = min(x.shape[2:]) >= 64

        def pooled(h: Tensor) -> Tensor:
            if min(h.shape[2:]) < 4:
                return h
            return functional.max_pool2d(h, *((3, 2, 1) if large else (2,)))

        h = self.responding(self.hidden("conv1", x, 4 if large else 1))
        h = self.responding(self.hidden("conv2", pooled(h)))
        h = self.hidden("conv3", pooled(h))
        h = averaged(self.hidden("conv5", self.hidden("conv4", h)))
        return self.output(self.hidden("dense7", self.hidden("dense6", h)))

    def resnet(self, x: Tensor, blocks: tuple[int, ...], form: int) -> Tensor:
        stream = self.product("stem", x, 2 if min(x.shape[2:]) >= 64 else 1)
        h = self.f(self.whole("stem", stream))
        for stage, n_blocks in enumerate(blocks):
            for index in range(n_blocks):
                stride = 2 if stage and not index and min(h.shape[2:]) >= 4 else 1
                name = f"stage{stage + 1}.{index + 1}"
                if form == 1:
                    h = self.first_form(name, h, stride)
                else:
                    h, stream = self.second_form(name, h, stream, stride)
        return self.output(h.mean((2, 3)))

    def first_form(self, name: str, h: Tensor, stride: int) -> Tensor:
        """relu(bn(conv2(relu(bn(conv1(h))))) + shortcut), as in torchvision."""
        shortcut = h
        if f"{name}.shortcut" in self.own:
            shortcut = self.product(f"{name}.shortcut", h, stride)
            shortcut = self.whole(f"{name}.shortcut", shortcut)
        inner = self.hidden(f"{name}.conv1", h, stride)
        return self.f(self.whole(f"{name}.conv2", self.product(f"{name}.conv2", inner)) + shortcut)

    def second_form(
        self, name: str, h: Tensor, stream: Tensor, stride: int
    ) -> tuple[Tensor, Tensor]:
        """stream + conv2(relu(bn(conv1(h)))) with h = relu(bn(stream)), and the next h."""
        if f"{name}.shortcut" in self.own:
            stream = self.product(f"{name}.shortcut", h, stride)
        inner = self.hidden(f"{name}.conv1", h, stride)
        stream = stream + self.product(f"{name}.conv2", inner)
        return self.f(self.whole(f"{name}.conv2", stream)), stream

    def rnn(self, x: Tensor, n_stages: int, leak: float) -> Tensor:
        """For x (batch, time, n): v += leak (W f(v) + U x + b - v) in each time step."""
        shown = list(x.unbind(1))
        for stage in range(1, n_stages + 1):
            inner, outer = self.own[f"recurrent{stage}"], self.own[f"input{stage}"]
            n = len(inner["weight"])
            h = v = x.new_zeros(len(x), n)
            seen = []
            for now in shown:
                arriving = self.biased(f"recurrent{stage}", h @ inner["weight"].T)
                arriving = arriving + now @ outer["weight"].T
                v = v + leak * (arriving - v)
                h = self.f(v)
                seen.append(h)
            shown = seen
        return self.output(shown[-1])


def averaged(h: Tensor) -> Tensor:
    """Maps of more than 4 positions a side averaged down to 4, as one vector an example."""
    sides = [min(n, 4) for n in h.shape[2:]]
    return functional.adaptive_avg_pool2d(h, sides).flatten(1)
