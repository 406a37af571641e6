"""A small ResNet, recorded while it learns to read digits.

    python docs/examples/record_resnet.py
    rule-id identify resnet.npz

It is written as torchvision's are: blocks of two convolutions, one `relu` for both that works in
place, `downsample` where a block changes the size.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import rule_id


class BasicBlock(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample = None
        if stride > 1 or n_in != n_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, blocks=(1, 1, 1), width=16, n_out=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = self._make_layer(width, width, blocks[0], stride=1)
        self.layer2 = self._make_layer(width, 2 * width, blocks[1], stride=2)
        self.layer3 = self._make_layer(2 * width, 4 * width, blocks[2], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, n_out)

    def _make_layer(self, n_in, n_out, n_blocks, stride):
        later = [BasicBlock(n_out, n_out, 1) for _ in range(n_blocks - 1)]
        return nn.Sequential(BasicBlock(n_in, n_out, stride), *later)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def train_and_record(path, steps=400, checkpoints=21, seed=0):
    torch.manual_seed(seed)
    images, labels = (torch.as_tensor(array) for array in load_digits(return_X_y=True))
    images = ((images - images.mean()) / images.std()).float().view(-1, 1, 8, 8)
    order = torch.randperm(len(images))
    stimuli, training = order[:100], order[100:]

    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    recorder = rule_id.Recorder(model, images[stimuli])  # stimuli are held out of training
    when = np.linspace(0, steps, checkpoints).round()

    for step in range(steps + 1):
        if step in when:
            recorder.checkpoint(step)  # the first is before any learning
        batch = training[torch.randint(len(training), (64,))]
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    recorder.save(path)
    return model


if __name__ == "__main__":
    train_and_record(Path(sys.argv[1] if len(sys.argv) > 1 else "resnet.npz"))
