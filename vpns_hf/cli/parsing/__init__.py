"""What commands are given: the options of a job, of the images of an evaluation, of a study; what is wrong in one line."""

from __future__ import annotations

from ...utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "image_options": ["add_image_option", "add_image_options", "positive", "take_images"],
        "job_options": ["JobParser", "job_parser", "parse_arguments", "recipe_tokens", "take_config"],
        "one_line": ["OneLineErrors", "OneLineParser"],
        "study_options": ["AskedStudy", "parse_study"],
    },
)
