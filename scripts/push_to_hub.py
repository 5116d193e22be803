"""Publish the models of a run on the Hub: weights, configuration, code, image processor, card, plots and results."""

from __future__ import annotations

from vpns_hf.hub.command_line import push_parser
from vpns_hf.hub.contents import Additions
from vpns_hf.hub.publishing import Destination
from vpns_hf.hub.sweep import plan_repositories, publish_repositories
from vpns_hf.scripting import run_script


def main() -> None:
    given = push_parser(__doc__).parse_args()
    additions = Additions(given.license, given.seeds)
    repositories = plan_repositories(given.run_dir, given.hub_model_id, given.sparsity, additions)
    if given.dry_run:
        print("\n\n".join(map(str, repositories)))
        return
    destination = Destination(given.hub_model_id, given.public, given.tag, given.collection)
    for publication in publish_repositories(repositories, destination, given.token):
        print(publication, flush=True)


if __name__ == "__main__":
    run_script(main)
