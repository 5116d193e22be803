"""An image classifier behind a visual prompt, with masked layers."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import ImageClassifierOutput
from transformers.utils import ModelOutput

from .channels import ChannelGroup, kept_units, thin, widths_of, without_units
from .checksums import CHECKSUMS, with_checksums, without_checksums
from .classes import class_names, head_names, head_tensors, set_classes
from .configuration_vpns import VPNsConfig
from .masked_layers import MaskedLayer, OwnForward, mask_layers, masked_layers, skipped_layers, tied_layers
from .normalisation import normalisation_of, warn_of_contrast
from .sparse_storage import BITS, MASK, STORAGE_VERSION, VALUES, pack_state_dict, unpack_state_dict, unpacked_names
from .stock import stock_classifier, stock_config, uncalled_layers
from .visual_prompts import VisualPrompt, build_visual_prompt
from .weight_index import check_weight_map, remove_replaced
from .whole_numbers import WholeNumbers

BACKBONE = "backbone."


class VPNsForImageClassification(PreTrainedModel):
    """A Hugging Face image classifier with masked layers, a visual prompt before it and a label mapping after it.

    `clamp(zero_pad(x) + prompt, 0, 1)` -> normalise -> backbone with masked layers -> logits of the mapped classes.
    Source: VPNs, arXiv 2312.01397.

    Attributes:
        visual_prompt: the module that changes the pixels.
        backbone: the image classifier; its convolutions and linear layers are `MaskedConv2d` and `MaskedLinear`.
        label_mapping: (num_labels,) int64; target class t is read from source logit `label_mapping[t]`.
    """

    config_class = VPNsConfig
    base_model_prefix = "backbone"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    accepts_loss_kwargs = False  # the loss is a mean, which gradient accumulation has to divide
    # The backbone refuses what it cannot do.
    _supports_sdpa = _supports_flash_attn = _supports_flex_attn = _supports_attention_backend = True

    def __init__(self, config: VPNsConfig) -> None:
        attention = config._attn_implementation  # noqa: SLF001 (as given; the stock class fills it in)
        super().__init__(config)
        _check_config(config)
        self._awaits_weights = config.storage_version is not None  # the configuration of a saved model
        dtype = torch.get_default_dtype()  # the one asked for while loading; the backbone's own would take its place
        asked = {} if attention is None else {"attn_implementation": attention}
        self.backbone = stock_classifier(config.backbone_config, dtype=dtype, **asked)
        thin(self.backbone, config.widths or {})
        config._attn_implementation_internal = self.backbone.config._attn_implementation  # noqa: SLF001 (of transformers)
        self.visual_prompt = build_visual_prompt(
            config.visual_prompt, config.image_size, config.prompted_size, config.prompt_size, config.prompt_seed
        )
        self.register_buffer("label_mapping", torch.arange(config.num_labels))
        self.register_buffer("image_mean", _per_channel(config.image_mean), persistent=False)
        self.register_buffer("image_std", _per_channel(config.image_std), persistent=False)
        mask_layers(self.backbone, uncalled_layers(config.backbone_config, config.image_size))
        if not self.masked_layers():
            raise ValueError(f"{type(self.backbone).__name__} has no Conv2d or Linear layer to prune")
        _check_untied(self.backbone)
        self._freeze_unused_prompt()
        self.post_init()

    def _freeze_unused_prompt(self) -> None:
        """A prompt that forward passes leave out by default gets no gradient, which processes would wait for."""
        self.visual_prompt.requires_grad_(self.config.prompt_at_inference)

    @classmethod
    def from_backbone(
        cls,
        backbone: str | os.PathLike | PreTrainedModel,
        id2label: Mapping[int, str] | None = None,
        **config_fields: Any,
    ) -> VPNsForImageClassification:
        """Puts a visual prompt before a pre-trained image classifier and masks (all True) on its layers.

        Args:
            backbone: Hub id, local folder, or an image classifier in memory, which is left as it is.
            id2label: names of the target classes, by index from 0; the backbone's own if not given. Where they are the
                backbone's in another order each is read from the source class of its name, else by position.
            config_fields: other fields of `VPNsConfig`, such as `visual_prompt`, `prompt_size`, `image_size`. Mean, std and
                channel order are those of the image processor saved with the backbone, ImageNet's if there is none.

        Raises:
            ValueError: if there are more target than source classes, a field has a value that is not allowed, or the
                image processor does something else than mean and std say, which are not given.
            OSError: if the backbone cannot be found.
        """
        if not isinstance(backbone, nn.Module):
            config_fields = {**_normalisation(backbone, config_fields), **config_fields}
            warn_of_contrast(config_fields.get("image_std"))
            backbone = _load_stock(backbone)
        if isinstance(backbone, cls):
            advice = (
                "give its to_backbone()" if backbone.config.widths is None else "give the dense one it was made from"
            )
            raise ValueError(f"the backbone is a pruned model already; {advice}")
        unknown = config_fields.keys() - {field.name for field in dataclasses.fields(cls.config_class)}
        if unknown:
            raise ValueError(f"VPNsConfig has no field {', '.join(sorted(unknown))}")
        backbone_config = copy.deepcopy(backbone.config)
        backbone_config.architectures = [type(backbone).__name__]  # some configurations stand for several classes
        source = dict(enumerate(class_names(backbone.config)))
        names = source if id2label is None else _checked_names(id2label)
        label2id = {name: index for index, name in names.items()}
        config = cls.config_class(backbone_config=backbone_config, id2label=names, label2id=label2id, **config_fields)
        model = cls(config)
        if type(model.backbone).__name__ != type(backbone).__name__:
            raise ValueError(
                f"the backbone is a {type(backbone).__name__}, but its configuration builds a "
                f"{type(model.backbone).__name__}; give an image classifier of transformers"
            )
        model.load_backbone(backbone.state_dict())
        if sorted(names.values()) == sorted(source.values()) and names != source:
            index_of = {name: index for index, name in source.items()}
            model.label_mapping.copy_(torch.tensor([index_of[names[index]] for index in range(len(names))]))
        return model.to(device=backbone.device, dtype=backbone.dtype).eval()

    def load_backbone(self, state_dict: Mapping[str, Tensor]) -> None:
        """Copies the weights of a plain backbone; masks stay as they are.

        Raises:
            ValueError: if a tensor is missing, left over or of another shape; the message lists them.
        """
        masks = {f"{name}.weight{MASK}": layer.weight_mask for name, layer in masked_layers(self.backbone)}
        try:
            self.backbone.load_state_dict({**state_dict, **masks}, strict=True)
        except RuntimeError as error:
            raise ValueError(f"the weights do not fit the backbone: {' '.join(str(error).split())}") from error

    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        prompted: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> ImageClassifierOutput | tuple[Tensor, ...]:
        """Classifies pictures.

        Args:
            pixel_values: (B, 3, I, I) in [0, 1], not normalised.
            labels: (B,) int64 target classes; gives the mean cross-entropy as `loss`.
            prompted: whether to apply the visual prompt; `None` means `config.prompt_at_inference`.
            return_dict: False for a tuple; `None` means `config.return_dict`.
            kwargs: what the backbone takes beside pictures, such as `output_hidden_states`.

        Returns:
            `loss` (a scalar, with labels only), `logits` (B, num_labels), and the `hidden_states` and `attentions` of the
            backbone if asked for.
        """
        wanted = {name: True for name in ("output_hidden_states", "output_attentions") if getattr(self.config, name)}
        is_prompted = self.config.prompt_at_inference if prompted is None else prompted
        outputs = self._backbone_outputs(pixel_values, is_prompted, **{**wanted, **kwargs})
        logits = outputs.logits.index_select(1, self.label_mapping)
        if labels is not None:
            _check_labels(labels)
        output = ImageClassifierOutput(
            loss=F.cross_entropy(logits.float(), labels) if labels is not None else None,
            logits=logits,
            hidden_states=getattr(outputs, "hidden_states", None),
            attentions=getattr(outputs, "attentions", None),
        )
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()

    def source_logits(self, pixel_values: Tensor, prompted: bool) -> Tensor:
        """Returns the logits of all source classes, (B, S), for pictures (B, 3, I, I) in [0, 1]."""
        return self._backbone_outputs(pixel_values, prompted).logits

    def _backbone_outputs(self, pixel_values: Tensor, prompted: bool, **kwargs: Any) -> ModelOutput:
        self._check_weights()
        _check_pictures(pixel_values)
        pixels = self.visual_prompt(pixel_values) if prompted else pixel_values
        return self.backbone(self.normalise(pixels), **kwargs)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Puts the channels in the order of `config`, subtracts its mean and divides by its standard deviation."""
        if self.config.channel_order == "bgr":
            pixels = pixels.flip(1)
        return (pixels - self.image_mean) / self.image_std

    def _check_weights(self) -> None:
        if self._awaits_weights:
            raise ValueError(
                "this model has the configuration of a saved one, but not its weights: load them by from_pretrained or "
                "load_state_dict, or set config.storage_version to None before it is built, to begin with random ones"
            )

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any) -> None:
        """Takes the tensors of saved files as well as those of `state_dict()`, as other loaders give them.

        Raises:
            ValueError: if a layer is not complete: shards may separate what belongs together.
        """
        own = {name.removeprefix(prefix): state_dict.pop(name) for name in list(state_dict) if name.startswith(prefix)}
        tensors = _unpacked(self, own)
        mapping = tensors.get("label_mapping")
        if mapping is not None and mapping.is_floating_point():  # the mean of several models
            tensors["label_mapping"] = mapping.round()
        state_dict.update({prefix + name: tensor for name, tensor in tensors.items()})
        self._awaits_weights = False
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._restore_constants()

    @torch.no_grad()
    def _restore_constants(self) -> None:
        """Computes anew what follows from the configuration alone: a model that was on the meta device has lost it."""
        prompt = self.visual_prompt
        masked = hasattr(prompt, "prompt_mask")
        found = {
            (self, "image_mean"): _per_channel(self.config.image_mean),
            (self, "image_std"): _per_channel(self.config.image_std),
            **({(prompt, "prompt_mask"): prompt.build_mask()} if masked else {}),
        }
        for (module, name), constant in found.items():
            buffer = getattr(module, name)
            if buffer.is_meta:  # and the weights are put in the place of others
                setattr(module, name, constant)
            else:
                buffer.copy_(constant)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Averages that are written to a state dict round the label mapping, even that of a module around this one."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "label_mapping"] = destination[prefix + "label_mapping"].as_subclass(WholeNumbers)

    def _apply(self, fn: Any, *args: Any, **kwargs: Any) -> VPNsForImageClassification:
        """As of every module; weights that were never loaded are told of in words of ours."""
        try:
            return super()._apply(fn, *args, **kwargs)
        except NotImplementedError:
            self._check_weights()
            raise

    @property
    def supports_gradient_checkpointing(self) -> bool:
        """Whether the backbone does."""
        return "backbone" in self._modules and self.backbone.supports_gradient_checkpointing

    def masked_layers(self) -> dict[str, MaskedLayer]:
        """Returns the masked layers by their name in the backbone, in the order of the module tree."""
        return dict(masked_layers(self.backbone))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yields the buffers; averages over them, as of `torch.optim.swa_utils`, leave masks and label mapping exact."""
        for buffer in super().buffers(recurse):
            yield buffer if buffer.is_floating_point() else buffer.as_subclass(WholeNumbers)

    def skipped_layers(self) -> dict[str, str]:
        """Returns {name of a backbone layer with parameters: why it is not masked}."""
        return skipped_layers(self.backbone)

    def masks(self) -> dict[str, Tensor]:
        """Returns {layer name: bool mask shaped like the layer's weight, True where it is kept}."""
        return {name: layer.weight_mask for name, layer in self.masked_layers().items()}

    @property
    def sparsity(self) -> float:
        """Fraction of prunable weights removed, by masks or with their channels, in [0, 1)."""
        total = self.dense_weights
        return (total - sum(int(mask.sum()) for mask in self.masks().values())) / total

    @property
    def dense_weights(self) -> int:
        """How many prunable weights the network has, those of removed channels included."""
        return self.config.dense_weights or sum(mask.numel() for mask in self.masks().values())

    def shrink(self, groups: Sequence[ChannelGroup]) -> VPNsForImageClassification:
        """Returns a model without the channels that the masks remove, with the same logits up to float rounding.

        Its layers are really thinner, as `config.widths` says; masks are left for what else they remove. This one stays.

        Args:
            groups: of the channels that go together, see `vpns_hf.pruning.channel_groups`.
        """
        masks, tensors = self.masks(), self.backbone.state_dict()
        kept = [kept_units(group, masks) for group in groups]
        tensors = without_units(tensors, groups, kept)
        thinner = [group for group, units in zip(groups, kept, strict=True) if not units.all()]
        layers = [side.layer for group in thinner for side in (*group.sides, *group.norms)]
        config = copy.deepcopy(self.config)
        config.widths = {**(config.widths or {}), **widths_of(layers, tensors)} or None
        config.dense_weights = self.dense_weights if config.widths else None
        others = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith(BACKBONE)}
        model = type(self)(config).to(device=self.device, dtype=self.dtype)
        model.load_state_dict({**others, **{BACKBONE + name: tensor for name, tensor in tensors.items()}})
        return model.train(self.training)

    def to_dense(self) -> PreTrainedModel:
        """Returns a stock image classifier with zeros folded in and its heads sliced to the target classes.

        Its logits equal `model(x, prompted=False).logits` for the same *normalised* pictures, up to float rounding. Where
        channels were removed its layers are thinner, which no stock configuration describes: it is of use in memory, and
        its `save_pretrained` raises a ValueError, since nothing could load what it wrote.

        Raises:
            ValueError: if the backbone's classification heads cannot be told from its other layers.
        """
        config = copy.deepcopy(self.config.backbone_config)
        set_classes(config, class_names(self.config))
        state_dict = self._plain_state_dict()
        for name, axis in head_tensors(self.backbone).items():
            state_dict[name] = state_dict[name].index_select(axis, self.label_mapping)
        return self._stock_model(config, state_dict)

    def to_backbone(self) -> PreTrainedModel:
        """Returns a stock image classifier like `to_dense`, with the backbone's own classes."""
        return self._stock_model(copy.deepcopy(self.config.backbone_config), self._plain_state_dict())

    @property
    def has_prompt(self) -> bool:
        """Whether the visual prompt can change a pixel."""
        return self.visual_prompt.num_values > 0

    @torch.no_grad()
    def prompt_picture(self) -> Tensor:
        """Returns the change the prompt makes to the pixels, (3, O, O), in evaluation mode."""
        was_training = self.visual_prompt.training
        picture = self.visual_prompt.eval().delta().detach()
        self.visual_prompt.train(was_training)
        return picture

    def head_names(self) -> list[str]:
        """Returns the names of the backbone's classification layers, of which there may be several.

        Raises:
            ValueError: if there is none.
        """
        return head_names(self.backbone)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        sparse: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        """Saves configuration, modeling files and weights; `sparse` stores kept weights only, see `sparse_storage.py`.

        Scores are never saved, and a pruned weight is exactly 0 in the file or absent from it. With `sparse=False` the
        backbone's tensors have the names of the stock class, which can load the file. Weights saved there before go.

        Raises:
            ValueError: if a layer has no weight of its own: it is computed from others, or shared with another layer.
        """
        state_dict = self.state_dict() if state_dict is None else dict(state_dict)
        keys = [f"backbone.{name}.weight" for name in self.masked_layers()]
        _check_untied(self.backbone)
        _check_complete(keys, state_dict)
        _check_values(state_dict)
        self._check_names(state_dict)
        state_dict = {key: value for key, value in state_dict.items() if not key.endswith(".scores")}
        self.config.sparsity, self.config.storage_version = self.sparsity, STORAGE_VERSION
        for layer in self.masked_layers().values():
            layer.forget_content()
        packed = pack_state_dict(state_dict, keys, sparse)
        if not sparse:
            packed = {key.removeprefix(BACKBONE): value for key, value in packed.items()}
        packed = with_checksums(packed)
        super().save_pretrained(save_directory, state_dict=packed, save_original_format=False, **kwargs)
        if kwargs.get("is_main_process", True):
            remove_replaced(save_directory, kwargs.get("variant"))

    def _check_names(self, state_dict: Mapping[str, Tensor]) -> None:
        """Raises ValueError if these are not the tensors that a model of this configuration has, so that none could load them."""
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            expected = type(self)(copy.deepcopy(self.config)).state_dict().keys()
        names = {name for name in state_dict if not name.endswith(".scores")}
        if odd := sorted(names ^ expected):
            where = "is missing" if odd[0] in expected else "is there"
            raise ValueError(
                f"{odd[0]} {where}, other than in the network that the configuration describes, so that nobody could load what is "
                "saved: undo what replaced, wrapped or parametrised its layer, or save the state dict yourself"
            )

    def initialize_weights(self) -> None:
        """Fills what a checkpoint does not hold; the guarded functions leave loaded tensors alone.

        Modules below the backbone get the backbone's initialisation, which knows nothing of masks.
        """
        super().initialize_weights()
        for _, layer in masked_layers(self.backbone):
            init.ones_(layer.weight_mask)

    def _init_weights(self, module: nn.Module) -> None:
        if module is self:
            init.copy_(self.label_mapping, torch.arange(self.config.num_labels))
            init.copy_(self.image_mean, _per_channel(self.config.image_mean))
            init.copy_(self.image_std, _per_channel(self.config.image_std))
        elif isinstance(module, VisualPrompt) and hasattr(module, "prompt_mask"):
            init.zeros_(module.prompt)
            init.copy_(module.prompt_mask, module.build_mask())

    def _stock_model(self, config: PreTrainedConfig, state_dict: Mapping[str, Tensor]) -> PreTrainedModel:
        stock = stock_classifier(config)
        thin(stock, widths_of(self.config.widths or {}, state_dict))
        stock.load_state_dict(state_dict, strict=True)
        if self.config.widths:
            stock.save_pretrained = _refuse_to_save
        return stock.to(device=self.device, dtype=self.dtype).eval()

    def _plain_state_dict(self) -> dict[str, Tensor]:
        layers = self.masked_layers()
        extra = {f"{name}.weight_mask" for name in layers}
        state_dict = {key: value for key, value in self.backbone.state_dict().items() if key not in extra}
        _check_values(state_dict)
        state_dict.update({f"{name}.weight": layer.masked() for name, layer in layers.items()})
        return state_dict

    @staticmethod
    def _load_pretrained_model(
        model: VPNsForImageClassification,
        state_dict: Mapping[str, Tensor] | None,
        checkpoint_files: list[str] | None,
        load_config: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Unpacks bits and values into ordinary tensors before the stock loading; an incomplete file is an error.

        The stock loading neither calls `_load_from_state_dict` nor load hooks, so this is the place left to do it.
        """
        if state_dict is not None:
            tensors = _restored(model, state_dict)
        else:
            check_weight_map(load_config.sharded_metadata or {})
            tensors = _restored_from_files(model, checkpoint_files or [])
        model._awaits_weights = False
        result = PreTrainedModel._load_pretrained_model(model, tensors, None, load_config, *args, **kwargs)  # noqa: SLF001
        model._freeze_unused_prompt()
        return result


def _normalisation(backbone: str | os.PathLike, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return normalisation_of(backbone)
    except ValueError as error:
        if {"image_mean", "image_std"} <= given.keys():
            return {}
        raise ValueError(f"{error}; give image_mean and image_std, for pixels in [0, 1]") from error


def _load_stock(name_or_path: str | os.PathLike) -> PreTrainedModel:
    if not os.path.isfile(name_or_path):
        with contextlib.suppress(ImportError):  # transformers reads repositories of timm by way of timm
            return AutoModelForImageClassification.from_pretrained(name_or_path, config=stock_config(name_or_path))
    raise ValueError(
        f"{name_or_path} is in no layout that transformers reads; load it by vpns_hf.load_backbone, and give from_backbone "
        "the model and the normalisation it returns"
    )


def _check_pictures(pixel_values: Tensor) -> None:
    if torch.jit.is_tracing():  # to which a shape is a value
        return
    if pixel_values.dim() != 4 or pixel_values.shape[1] != 3 or not pixel_values.is_floating_point():
        raise ValueError(
            f"pixel_values are {tuple(pixel_values.shape)} of {pixel_values.dtype}; give (batch, 3, height, width) in [0, 1], "
            "as the image processor of the model does"
        )


def _check_labels(labels: Tensor) -> None:
    if labels.dim() != 1 or labels.is_floating_point():
        raise ValueError(
            f"labels are {tuple(labels.shape)} of {labels.dtype}; give (batch,) integers, one class for each picture, or compute "
            "another loss from the logits: whatever the problem_type, that of the model is the cross-entropy"
        )


def _per_channel(values: list[float]) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)


def _checked_names(id2label: Mapping[Any, str]) -> dict[int, str]:
    names = {int(index): name for index, name in id2label.items()}
    if sorted(names) != list(range(len(names))) or len(set(names.values())) != len(names):
        raise ValueError(f"id2label is {dict(id2label)}; give every class from 0 on a name of its own")
    return names


def _check_config(config: VPNsConfig) -> None:
    if config.backbone_config is None:
        raise ValueError("the configuration has no backbone_config; use VPNsForImageClassification.from_backbone")
    sources = config.backbone_config.num_labels
    if config.num_labels > sources:
        raise ValueError(
            f"{config.num_labels} target classes cannot be mapped to {sources} source classes one to one; "
            "use a new trainable head (--head new) instead of a label mapping"
        )


def _refuse_to_save(*args: Any, **kwargs: Any) -> None:
    raise ValueError(
        "channels were removed from this network, which its configuration cannot say, so that nothing could load what was "
        "saved: use it in memory, and save the pruned model that it was made from"
    )


def _check_untied(backbone: nn.Module) -> None:
    tied = tied_layers(backbone)
    if tied:
        raise ValueError(
            f"the layers {tied[0]} and {tied[1]} share one weight, which can have one mask only; untie them"
        )


def _check_values(state_dict: Mapping[str, Tensor]) -> None:
    if empty := next((name for name, tensor in state_dict.items() if tensor.is_meta), None):
        raise ValueError(
            f"{empty} holds no values: the model is on the meta device, or offloaded; load it without, as by "
            'from_pretrained(..., device_map="cpu")'
        )


def _check_complete(keys: Iterable[str], state_dict: Mapping[str, Tensor]) -> None:
    missing = [key for key in keys if key not in state_dict]
    if missing:
        raise ValueError(
            f"there is no {missing[0]} to save: weight_norm or another parametrization computes it; remove that first, "
            'as by torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")'
        )


def _restored_from_files(model: VPNsForImageClassification, files: list[str]) -> dict[str, Tensor]:
    stored = _read_safetensors(files)
    if CHECKSUMS not in stored and any(name.endswith("weight" + MASK) for name in stored):
        raise ValueError(
            f"{files[0]} holds the tensors of a state dict, not what save_pretrained writes; read it by "
            "safetensors.torch.load_file, give it to load_state_dict, then save the model by save_pretrained"
        )
    try:
        return _restored(model, stored, needs_checksums=True)
    except ValueError as error:
        raise ValueError(f"{files[0] if len(files) == 1 else os.path.dirname(files[0])}: {error}") from error


def _restored(
    model: VPNsForImageClassification, stored: Mapping[str, Tensor], needs_checksums: bool = False
) -> dict[str, Tensor]:
    """Returns the state dict of the model from what its files hold; raises ValueError if anything is wrong with it."""
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    full_names = {name: _full_name(name, shapes) for name in stored}
    unmasked = _unmasked(model, set(full_names.values()))
    _check_names([*full_names.values(), *unmasked], shapes)
    tensors = without_checksums(stored, needs_checksums)
    tensors = unpack_state_dict({full_names[name]: tensor for name, tensor in tensors.items()}, shapes)
    tensors.update({key: torch.ones(shapes[key], dtype=torch.bool) for key in unmasked})
    _check_shapes(tensors, shapes)
    _check_mapping(tensors["label_mapping"], model.backbone.config.num_labels)
    return tensors


def _unmasked(model: VPNsForImageClassification, stored: set[str]) -> list[str]:
    """Returns the masks of layers with a forward of their own that are stored whole, as before they were masked."""
    layers = model.masked_layers().items()
    keys = [f"{BACKBONE}{name}.weight" for name, layer in layers if isinstance(layer, OwnForward)]
    return [key + MASK for key in keys if key in stored and key + BITS not in stored]


def _unpacked(model: VPNsForImageClassification, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns tensors of any of a model's files, or of its `state_dict()`, under the names of the latter.

    Some loaders fill up what they read with what the model has under its own names, which gives way.
    """
    if not any(name.endswith((BITS, VALUES)) or name == CHECKSUMS for name in given):
        return dict(given)
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    full_names = {name: _full_name(name, shapes) for name in given}
    packed = [full for full in full_names.values() if full.endswith((BITS, VALUES))]
    replaced = unpacked_names(packed, shapes) - set(packed) | {
        full for name, full in full_names.items() if full != name
    }
    tensors = {name: tensor for name, tensor in given.items() if name not in replaced}
    is_whole = len(tensors) == 1 + len(tensors.get(CHECKSUMS, ()))
    try:
        tensors = without_checksums(tensors, required=True) if is_whole else tensors
    except ValueError as error:
        raise ValueError(f"{error}; if it is one of several shards, load them by from_pretrained") from error
    tensors.pop(CHECKSUMS, None)
    unpacked = unpack_state_dict({full_names[name]: tensor for name, tensor in tensors.items()}, shapes)
    halves = [name for name in unpacked if name.endswith(VALUES) or _is_half(name, unpacked)]
    if halves:
        raise ValueError(f"{halves[0]} came without the rest of its layer; load shards by from_pretrained")
    return unpacked


def _is_half(name: str, tensors: Mapping[str, Tensor]) -> bool:
    return name.endswith("weight" + MASK) and name.removesuffix(MASK) not in tensors


def _read_safetensors(files: list[str]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            tensors.update(load_file(file))
        except SafetensorError as error:
            raise ValueError(
                f"{file} is no readable safetensors file ({error}); it is damaged or of another format"
            ) from error
    return tensors


def _full_name(name: str, shapes: Mapping[str, torch.Size]) -> str:
    """Returns the name in the model of a stored tensor: `sparse=False` leaves out the prefix of the backbone's."""
    return BACKBONE + name if BACKBONE + name.removesuffix(BITS) in shapes else name


def _check_mapping(mapping: Tensor, sources: int) -> None:
    classes = mapping.tolist()
    fits = mapping.dtype == torch.int64 and all(0 <= source < sources for source in classes)
    if not fits or len(set(classes)) != len(classes):
        raise ValueError(f"label_mapping is {classes}; it must name source classes from 0 to {sources - 1}, each once")


def _check_names(stored: Iterable[str], shapes: Mapping[str, torch.Size]) -> None:
    names = unpacked_names(stored, shapes) - {CHECKSUMS}
    _raise_if(
        [f"missing {key}" for key in shapes if key not in names]
        + [f"unexpected {key}" for key in names - shapes.keys()]
    )


def _check_shapes(tensors: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> None:
    _raise_if(
        f"{key} of shape {tuple(tensors[key].shape)} instead of {tuple(shape)}"
        for key, shape in shapes.items()
        if tensors[key].shape != shape
    )


def _raise_if(wrong: Iterable[str]) -> None:
    if listed := list(wrong):
        more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
        raise ValueError(f"the checkpoint does not fit the model: {', '.join(listed[:5])}{more}")


AutoConfig.register("vpns", VPNsConfig, exist_ok=True)
AutoModelForImageClassification.register(VPNsConfig, VPNsForImageClassification, exist_ok=True)
VPNsConfig.register_for_auto_class()
VPNsForImageClassification.register_for_auto_class("AutoModelForImageClassification")
