"""Every command line, by subject. A new command is a function in a module here, and a line in COMMANDS."""

from __future__ import annotations

# Name: module here, function in it, what it does. Imported when it is called.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "prune": ("prune", "main", "prune an image classifier and measure the results"),
    "sweep": ("sweep", "main", "make a study: methods, sparsities, seeds and more, side by side"),
    "transfer": ("transfer", "main", "fine-tune subnetworks on other data sets than they were found on"),
    "evaluate": ("evaluate", "main", "measure a saved model"),
    "compare": ("compare", "main", "compare finished jobs: tables, statistics and plots"),
    "export": ("export", "main", "write a model in ONNX, for MNN, or as timm, torchvision or transformers reads it"),
    "browse": ("browse", "main", "look at models in the browser, try and compare them"),
    "push": ("hub", "push", "publish the models of a run on the Hub"),
    "release": ("release", "main", "make a planned model and publish it"),
    "list": ("hub", "list_models", "list published or local checkpoints"),
    "cards": ("hub", "cards", "keep the index of a folder of model cards"),
    "convert": ("convert", "main", "turn a checkpoint of the released code into a model"),
    "cache": ("data", "cache", "list, check and remove decoded images"),
    "check-datasets": ("data", "check", "look whether known data sets are on the Hub as expected"),
    "config": ("recipes", "main", "print the path of a shipped recipe"),
}
