"""Models written for other libraries: timm, torchvision and transformers; and in ONNX for programs without PyTorch."""

from __future__ import annotations

from ..utils.doors import door

# The extra `onnx` may not be installed.
__all__, __getattr__ = door(
    __name__,
    {
        "accuracy": ["Hits", "count_hits"],
        "agreement": ["check_agreement", "check_pictures"],
        "classifier": ["Classify", "PixelClassifier", "reference_of"],
        "export": ["Exported", "export_model"],
        "extra": ["check_onnx_installed"],
        "folders": ["free_folder"],
        "formats": ["EXPORTS", "Export"],
        "onnx": ["write_onnx"],
        "onnx_folder": ["ExportPictures", "OnnxExported", "export_onnx"],
        "processors": ["unit_processor"],
        "quantization": ["quantise"],
        "runtime": ["session_of"],
        "sources": ["Source", "folded", "in_float32", "load_source"],
    },
)
