"""Configuration of a VGG."""

from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

# Convolutions per stage of the networks of Simonyan and Zisserman, arXiv 1409.1556, table 1: A, B, D and E.
# A maximum over 2x2 pixels follows each stage and halves the picture.
VARIANTS: dict[str, tuple[int, ...]] = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}


@strict
class VggConfig(PreTrainedConfig):
    """Describes a VGG (Simonyan and Zisserman, arXiv 1409.1556); the default is VGG-16 without batch norm.

    Args:
        num_channels: channels of a picture.
        depths: 3x3 convolutions of each stage, see `VARIANTS`; a 2x2 maximum follows every stage.
        hidden_sizes: channels of each stage.
        batch_norm: whether batch norm follows each convolution.
        pooled_size: side that the last feature map is averaged to, whatever the size of the picture.
        classifier_size: width of the two hidden layers of the classifier.
        classifier_dropout: probability of dropping one of their outputs in training, in [0, 1].
        initializer_range: standard deviation of the initial weights of linear layers.

    Raises:
        ValueError: if a field has a value that is not allowed.
    """

    model_type = "vgg"

    num_channels: int = 3
    depths: list[int] | tuple[int, ...] = VARIANTS["vgg16"]
    hidden_sizes: list[int] | tuple[int, ...] = (64, 128, 256, 512, 512)
    batch_norm: bool = False
    pooled_size: int = 7
    classifier_size: int = 4096
    classifier_dropout: float | int = 0.5
    initializer_range: float | int = 0.01

    def __post_init__(self, **kwargs: Any) -> None:
        self.depths, self.hidden_sizes = list(self.depths), list(self.hidden_sizes)
        self._check()
        super().__post_init__(**kwargs)

    def _check(self) -> None:
        if not self.depths or len(self.depths) != len(self.hidden_sizes):
            raise ValueError(
                f"depths is {self.depths} and hidden_sizes {self.hidden_sizes}; give one number each for every stage"
            )
        for name in ("num_channels", "depths", "hidden_sizes", "pooled_size", "classifier_size"):
            value = getattr(self, name)
            if min(value if isinstance(value, list) else [value]) < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if not 0 <= self.classifier_dropout <= 1:
            raise ValueError(f"classifier_dropout is {self.classifier_dropout}; it must be in [0, 1]")
        if self.initializer_range < 0:
            raise ValueError(f"initializer_range is {self.initializer_range}; it must not be negative")


AutoConfig.register("vgg", VggConfig, exist_ok=True)
VggConfig.register_for_auto_class()
