"""Models written for other libraries: timm, torchvision and transformers; and in ONNX and for MNN, for programs without PyTorch."""

from __future__ import annotations

from ..utils.doors import door

# The extras `onnx` and `mnn` may not be installed.
__all__, __getattr__ = door(
    __name__,
    {
        "accuracy": ["Hits", "count_hits"],
        "agreement": ["check_agreement", "check_classes", "check_pictures"],
        "classifier": ["MNN", "ONNX_RUNTIME", "Classify", "PixelClassifier", "reference_of"],
        "export": ["Exported", "export_model"],
        "extra": ["check_mnn_installed", "check_onnx_installed"],
        "folders": ["free_folder"],
        "formats": ["EXPORTS", "Export"],
        "mnn": ["mnn_session_of", "write_mnn"],
        "mnn_files": ["MnnFiles"],
        "onnx": ["session_of", "write_onnx"],
        "onnx_files": ["OnnxFiles"],
        "processors": ["unit_processor"],
        "quantization": ["quantise"],
        "runnable": ["ExportPictures", "Files", "RunnableExport", "export_runnable"],
        "sources": ["Source", "folded", "in_float32", "load_source"],
    },
)
