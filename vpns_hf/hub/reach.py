"""Whether the Hub answers, asked once and briefly: the clients retry for minutes when it does not."""

from __future__ import annotations

import logging

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HTTPError

logger = logging.getLogger(__name__)

PATIENCE = 10  # seconds


def hub_answers(repo_id: str, repo_type: str) -> bool:
    """Returns whether the Hub answers when asked for a repository, be it with a refusal.

    Args:
        repo_id: of the repository.
        repo_type: `model` or `dataset`.
    """
    try:
        HfApi().repo_info(repo_id, repo_type=repo_type, timeout=PATIENCE)
    except HfHubHTTPError:
        return True
    except (HTTPError, OSError) as error:
        logger.warning("the Hub does not answer (%s): looking for an earlier download of %s", error, repo_id)
        return False
    return True
