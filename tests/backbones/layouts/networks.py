"""ResNet and VGG written out with the module names of torchvision and of timm, to check the layouts against."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from tests.helpers import pictures
from vpns_hf.backbones import from_tensors


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def downsample(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = downsample(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.downsample = downsample(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(out)))))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """`layer1` keeps the resolution, each later one halves it in its first block."""

    def __init__(self, block: type, depths: list[int], classes: int = 1000, width: int = 64) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, width, 7, stride=2), nn.BatchNorm2d(width)
        inputs = width
        for index, depth in enumerate(depths):
            blocks = []
            for position in range(depth):
                stride = 2 if index > 0 and position == 0 else 1
                blocks.append(block(inputs, width * 2**index, stride))
                inputs = width * 2**index * block.expansion
            setattr(self, f"layer{index + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)
        self.depth = len(depths)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for index in range(self.depth):
            x = getattr(self, f"layer{index + 1}")(x)
        return self.fc(x.mean((2, 3)))


VGG_STAGES = {
    11: [[64], [128], [256] * 2, [512] * 2, [512] * 2],
    13: [[64] * 2, [128] * 2, [256] * 2, [512] * 2, [512] * 2],
    16: [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3],
    19: [[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4],
}


def vgg_features(depth: int, batch_norm: bool, shrink: int) -> tuple[nn.Sequential, int]:
    """Returns the layers before the classifier, with 1 / shrink of the usual channels, and the channels they give."""
    layers: list[nn.Module] = []
    inputs = 3
    for stage in VGG_STAGES[depth]:
        for width in stage:
            outputs = width // shrink
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1)]
            layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
            layers += [nn.ReLU()]
            inputs = outputs
        layers += [nn.MaxPool2d(2, 2)]
    return nn.Sequential(*layers), inputs


class TorchvisionVgg(nn.Module):
    def __init__(self, depth: int, batch_norm: bool, classes: int = 1000, shrink: int = 1, width: int = 4096) -> None:
        super().__init__()
        self.features, channels = vgg_features(depth, batch_norm, shrink)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, width),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(width, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class PreLogits(nn.Module):
    """The hidden layers as convolutions without padding; a map smaller than their kernel is enlarged to it."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, width, 7)
        self.fc2 = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        if min(x.shape[2:]) < 7:
            x = F.adaptive_avg_pool2d(x, (max(x.shape[2], 7), max(x.shape[3], 7)))
        return F.relu(self.fc2(F.relu(self.fc1(x))))


class TimmVgg(nn.Module):
    def __init__(self, depth: int, batch_norm: bool, classes: int = 1000, shrink: int = 1, width: int = 4096) -> None:
        super().__init__()
        self.features, channels = vgg_features(depth, batch_norm, shrink)
        self.pre_logits = PreLogits(channels, width)
        self.head = nn.Module()
        self.head.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head.fc(self.pre_logits(self.features(x)).mean((2, 3)))


def filled(build: type, *args: object, **options: object) -> nn.Module:
    """A network in evaluation mode with seeded weights, biases, scales and running statistics, none of them the initial ones."""
    torch.manual_seed(0)
    network = build(*args, **options).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.ndim == 1:
                    parameter.uniform_(-0.2, 0.2).add_(1.0 if name == "weight" else 0.0)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.8, 1.2)
                module.num_batches_tracked.fill_(7)
    return network


def translated(network: nn.Module) -> PreTrainedModel:
    """The stock network that computes the same, found by names and shapes alone."""
    return from_tensors(network.state_dict()).model


@torch.no_grad()
def assert_same_logits(network: nn.Module, model: PreTrainedModel, size: int) -> None:
    logits = network(pictures(size=size))
    assert logits.std() > 0.01
    assert torch.allclose(model(pictures(size=size)).logits, logits, rtol=0, atol=1e-5)
