"""VGG (Simonyan and Zisserman, arXiv 1409.1556) as a model of transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForImageClassification, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import (
    BaseModelOutputWithPoolingAndNoAttention,
    ImageClassifierOutputWithNoAttention,
)
from transformers.utils.generic import can_return_tuple

from .configuration_vgg import VggConfig


class VggLayer(nn.Module):
    """A 3x3 convolution with a bias, batch norm if there is any, ReLU."""

    def __init__(self, config: VggConfig, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
        self.normalization = nn.BatchNorm2d(out_channels) if config.batch_norm else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.normalization(self.convolution(features)))


class VggStage(nn.Module):
    """Layers of one width, and the maximum over 2x2 pixels."""

    def __init__(self, config: VggConfig, in_channels: int, out_channels: int, depth: int) -> None:
        super().__init__()
        inputs = [in_channels] + [out_channels] * (depth - 1)
        self.layers = nn.ModuleList(VggLayer(config, channels, out_channels) for channels in inputs)
        self.pooling = nn.MaxPool2d(2)

    def forward(self, features: Tensor) -> Tensor:
        for layer in self.layers:
            features = layer(features)
        return self.pooling(features)


class VggEncoder(nn.Module):
    """The stages, each at half the resolution of the one before."""

    def __init__(self, config: VggConfig) -> None:
        super().__init__()
        inputs = [config.num_channels, *config.hidden_sizes[:-1]]
        sizes = zip(inputs, config.hidden_sizes, config.depths, strict=True)
        self.stages = nn.ModuleList(VggStage(config, *size) for size in sizes)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Returns the features after each stage."""
        outputs = []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return tuple(outputs)


class VggPooler(nn.Module):
    """The mean to a fixed size and the two hidden layers of the classifier."""

    def __init__(self, config: VggConfig) -> None:
        super().__init__()
        self.pooling = nn.AdaptiveAvgPool2d(config.pooled_size)
        self.fc1 = nn.Linear(config.hidden_sizes[-1] * config.pooled_size**2, config.classifier_size)
        self.fc2 = nn.Linear(config.classifier_size, config.classifier_size)
        self.dropout = nn.Dropout(config.classifier_dropout)

    def forward(self, features: Tensor) -> Tensor:
        pooled = self.pooling(features).flatten(1)
        for layer in (self.fc1, self.fc2):
            pooled = self.dropout(F.relu(layer(pooled)))
        return pooled


class VggPreTrainedModel(PreTrainedModel):
    """What the VGG models share: their configuration, and the initialisation of torchvision's."""

    config_class = VggConfig
    base_model_prefix = "vgg"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    supports_gradient_checkpointing = False
    accepts_loss_kwargs = False  # the loss is a mean, which gradient accumulation has to divide
    _no_split_modules = ("VggLayer",)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Draws convolutions as He et al., arXiv 1502.01852, section 2.2, by fan-out, and linear layers from N(0, .01)."""
        if isinstance(module, nn.Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            init.normal_(module.weight, std=self.config.initializer_range)
            init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            for ones in (module.weight, module.running_var):
                init.ones_(ones)
            for zeros in (module.bias, module.running_mean, module.num_batches_tracked):
                init.zeros_(zeros)


class VggModel(VggPreTrainedModel):
    """The network up to its last hidden layer."""

    def __init__(self, config: VggConfig) -> None:
        super().__init__(config)
        self.encoder = VggEncoder(config)
        self.pooler = VggPooler(config)
        self.post_init()

    @can_return_tuple
    def forward(
        self, pixel_values: Tensor, output_hidden_states: bool | None = None, **kwargs: Any
    ) -> BaseModelOutputWithPoolingAndNoAttention:
        """Computes the features of pictures.

        Args:
            pixel_values: (B, C, H, W), normalised; H and W at least 2 ** stages, which is 32 pixels.
            output_hidden_states: whether to return what each stage gives; `None` means as in the configuration.

        Returns:
            `last_hidden_state` (B, C', H', W') after the last stage, `pooler_output` (B, classifier_size) before the
            classification layer, and `hidden_states` after each stage if asked for.

        Raises:
            ValueError: if the pictures are too small or have another number of channels.
        """
        if not torch.jit.is_tracing():
            self._check(pixel_values)
        hidden_states = self.encoder(pixel_values)
        wanted = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        return BaseModelOutputWithPoolingAndNoAttention(
            last_hidden_state=hidden_states[-1],
            pooler_output=self.pooler(hidden_states[-1]),
            hidden_states=hidden_states if wanted else None,
        )

    def _check(self, pixel_values: Tensor) -> None:
        _, channels, height, width = pixel_values.shape
        smallest = 2 ** len(self.config.depths)
        if channels != self.config.num_channels:
            raise ValueError(f"the pictures have {channels} channels; this VGG takes {self.config.num_channels}")
        if min(height, width) < smallest:
            raise ValueError(
                f"the pictures have {height} x {width} pixels; this VGG takes {smallest} x {smallest} or more"
            )


class VggForImageClassification(VggPreTrainedModel):
    """VGG with its classification layer on top."""

    def __init__(self, config: VggConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.vgg = VggModel(config)
        self.classifier = (
            nn.Linear(config.classifier_size, config.num_labels) if config.num_labels > 0 else nn.Identity()
        )
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Any,
    ) -> ImageClassifierOutputWithNoAttention:
        """Classifies pictures.

        Args:
            pixel_values: (B, C, H, W), normalised; H and W at least 2 ** stages, which is 32 pixels.
            labels: (B,) int64 classes; gives the mean cross-entropy as `loss`.
            output_hidden_states: whether to return what each stage gives; `None` means as in the configuration.

        Returns:
            `loss` (a scalar, with labels only), `logits` (B, num_labels) and `hidden_states` if asked for.

        Raises:
            ValueError: if the pictures are too small or have another number of channels.
        """
        outputs = self.vgg(pixel_values, output_hidden_states=output_hidden_states, return_dict=True)
        logits = self.classifier(outputs.pooler_output)
        loss = F.cross_entropy(logits.float(), labels) if labels is not None else None
        return ImageClassifierOutputWithNoAttention(loss=loss, logits=logits, hidden_states=outputs.hidden_states)


AutoModel.register(VggConfig, VggModel, exist_ok=True)
AutoModelForImageClassification.register(VggConfig, VggForImageClassification, exist_ok=True)
VggModel.register_for_auto_class("AutoModel")
VggForImageClassification.register_for_auto_class("AutoModelForImageClassification")
