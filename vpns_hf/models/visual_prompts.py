"""Visual prompts: learnable pixels added to a picture before normalisation.

Every prompt computes `clamp(zero_pad(x) + delta, 0, 1)` on pixels in [0, 1]; they differ in where and how `delta` follows
from the parameter `P`. Source: VPNs, arXiv 2312.01397, section 3, and Bahng et al., arXiv 2203.17274.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VisualPrompt(nn.Module):
    """A learnable change of pixels; subclasses say where it is and how it follows from the parameter.

    Args:
        image_size: side I of the input, in pixels.
        output_size: side O >= I of the output, in pixels; the input is centred on zeros.
        prompt_size: extent of the prompt in pixels; its meaning is the subclass's.
        seed: seed of whatever a prompt chooses at random in evaluation.

    Shape:
        input (B, 3, I, I) in [0, 1] -> output (B, 3, O, O) in [0, 1].

    Raises:
        ValueError: if the sizes do not fit each other.
    """

    def __init__(self, image_size: int, output_size: int, prompt_size: int, seed: int = 0) -> None:
        super().__init__()
        self.image_size, self.output_size, self.prompt_size, self.seed = image_size, output_size, prompt_size, seed
        self.check_sizes()
        self.prompt = nn.Parameter(torch.zeros(3, output_size, output_size))
        self.register_buffer("prompt_mask", self.build_mask(), persistent=False)

    def check_sizes(self) -> None:
        """Raises ValueError if `prompt_size` does not fit the picture."""
        if not 0 <= self.prompt_size <= self.output_size:
            raise ValueError(
                f"prompt_size is {self.prompt_size}; allowed: 0 to {self.output_size}, the side of the prompted picture"
            )

    def build_mask(self) -> Tensor:
        """Returns M, (1, O, O) bool: True where the prompt may change a pixel."""
        raise NotImplementedError

    def delta(self) -> Tensor:
        """Returns the change of pixels, (3, O, O)."""
        return torch.sigmoid(self.prompt) * self.prompt_mask

    @property
    def num_values(self) -> int:
        """Number of trainable values: 3 for every pixel of the mask."""
        return 3 * int(self.prompt_mask.sum())

    def centre(self, pixel_values: Tensor) -> Tensor:
        """Pads (B, 3, I, I) with zeros to (B, 3, O, O)."""
        left = (self.output_size - self.image_size + 1) // 2
        right = (self.output_size - self.image_size) // 2
        return F.pad(pixel_values, (left, right, left, right)) if left else pixel_values

    def check_input(self, pixel_values: Tensor) -> None:
        """Raises ValueError if the pictures are not I x I."""
        if not torch.jit.is_tracing() and pixel_values.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"pixel_values are {tuple(pixel_values.shape)}; the prompt needs (batch, 3, {self.image_size}, "
                f"{self.image_size}), as the image_size of the configuration says"
            )

    def forward(self, pixel_values: Tensor) -> Tensor:
        self.check_input(pixel_values)
        return (self.centre(pixel_values) + self.delta()).clamp(0, 1)


class PadPrompt(VisualPrompt):
    """A frame: delta = P * M, M = 1 on a border of `prompt_size` pixels; at O / 2 it covers the whole picture.

    With P = 0 it leaves the picture as it is.
    """

    def check_sizes(self) -> None:
        if not 0 <= 2 * self.prompt_size <= self.output_size:
            raise ValueError(
                f"prompt_size is {self.prompt_size}; allowed for a border: 0 to {self.output_size // 2}, "
                f"half of the {self.output_size} pixels of the prompted picture"
            )

    def build_mask(self) -> Tensor:
        mask = torch.ones(1, self.output_size, self.output_size, dtype=torch.bool)
        inner = slice(self.prompt_size, self.output_size - self.prompt_size)
        mask[:, inner, inner] = False
        return mask

    def delta(self) -> Tensor:
        return self.prompt * self.prompt_mask


class FixPrompt(VisualPrompt):
    """A square in the top-left corner: delta = sigmoid(P) * M, so it starts at +0.5."""

    def build_mask(self) -> Tensor:
        mask = torch.zeros(1, self.output_size, self.output_size, dtype=torch.bool)
        mask[:, : self.prompt_size, : self.prompt_size] = True
        return mask


class RandomPrompt(FixPrompt):
    """The square of `fix` at a new place at every training forward, one place per batch.

    In evaluation the place is fixed and follows from `seed`. All offsets 0..O - m, both included, are possible.
    """

    def place(self) -> list[int]:
        """Returns the (row, column) of the square's top-left corner."""
        offsets = self.output_size - self.prompt_size + 1
        generator = None if self.training else torch.Generator().manual_seed(self.seed)
        return torch.randint(offsets, (2,), generator=generator, device="cpu").tolist()

    def delta(self) -> Tensor:
        row, column = self.place()
        return torch.roll(super().delta(), shifts=(row, column), dims=(1, 2))


class ExpandPrompt(VisualPrompt):
    """Fills the zero padding around a smaller input: delta = sigmoid(P) * M, M = 1 on the padding. Needs I < O."""

    def check_sizes(self) -> None:
        if self.image_size >= self.output_size:
            raise ValueError(
                f"the expand prompt needs image_size below output_size; got {self.image_size} and {self.output_size}"
            )

    def build_mask(self) -> Tensor:
        return self.centre(torch.ones(1, 1, self.image_size, self.image_size))[0] == 0


class NoPrompt(VisualPrompt):
    """Leaves the picture as it is; has no parameter."""

    def __init__(self, image_size: int, output_size: int, prompt_size: int = 0, seed: int = 0) -> None:
        nn.Module.__init__(self)
        self.image_size, self.output_size, self.prompt_size, self.seed = image_size, output_size, 0, seed

    @property
    def num_values(self) -> int:
        return 0

    def delta(self) -> Tensor:
        return torch.zeros(3, self.output_size, self.output_size)

    def forward(self, pixel_values: Tensor) -> Tensor:
        self.check_input(pixel_values)
        return self.centre(pixel_values)


VISUAL_PROMPTS: dict[str, type[VisualPrompt]] = {
    "pad": PadPrompt,
    "fix": FixPrompt,
    "random": RandomPrompt,
    "expand": ExpandPrompt,
    "none": NoPrompt,
}


def build_visual_prompt(name: str, image_size: int, output_size: int, prompt_size: int, seed: int) -> VisualPrompt:
    """Builds the visual prompt called `name`.

    Raises:
        ValueError: if the name is unknown (the message lists the known ones) or the sizes do not fit.
    """
    if name not in VISUAL_PROMPTS:
        raise ValueError(f"visual_prompt is {name!r}; allowed: {', '.join(VISUAL_PROMPTS)}")
    return VISUAL_PROMPTS[name](image_size, output_size, prompt_size, seed)
