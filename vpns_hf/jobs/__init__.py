"""What a user starts: a job, from its arguments to its results."""

from __future__ import annotations

from ..utils.doors import door

# The trainer needs `datasets`, which the help of a command does not.
__all__, __getattr__ = door(
    __name__,
    {
        "arguments": ["LICENSE_HELP", "EvaluationArguments", "InputArguments", "VPNsTrainingArguments"],
        "comparison": ["CELLS", "STUDY", "compare_jobs", "compared_runs"],
        "data": [
            "choose_splits",
            "eval_batches",
            "global_batch_size",
            "open_images",
            "run_data",
            "stream_store",
        ],
        "evaluate": ["EvaluationImages", "evaluate_model"],
        "export": ["export_for_mnn", "export_in_onnx"],
        "latency": ["compare_latency"],
        "plan": ["Plan"],
        "publish": ["check_publishable", "publish_run"],
        "recipe": ["public_recipe", "write_recipe"],
        "setup": ["accelerator_of", "check_batch_size", "preparations_of"],
        "trainer": ["VPNsTrainer"],
    },
)
