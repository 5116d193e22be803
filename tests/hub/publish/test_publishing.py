"""Publishing through the real client, over HTTP, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.helpers import contents
from tests.hub.conftest import READER, STRANGER, WRITER
from tests.scripts.running import Ended
from tests.training_helpers import TINY_JOB, write_tiny_inputs
from vpns_hf.hub.publish import plan_repositories

pytestmark = pytest.mark.slow  # a server and its clients are processes

SCRIPT = "scripts/push_to_hub.py"
CALLS = Path(__file__).parents[1] / "loading_calls.py"
UNKNOWN = "hf_unknownToken1234"


@pytest.fixture
def push(client, run_dir):
    """Publishes the model of 70% sparsity, or what the arguments say."""

    def call(*argv: object, token: str | None = WRITER, run_dir: Path = run_dir) -> Ended:
        chosen = [] if "--sparsity" in argv or "{sparsity}" in " ".join(map(str, argv)) else ["--sparsity", 0.7]
        return client.script(SCRIPT, run_dir, *chosen, "--hub_model_id", *argv, token=token)

    return call


@pytest.fixture
def requests(hub):
    """The requests from here on."""
    start = len(hub.log)
    return lambda: hub.log[start:]


def test_a_model_becomes_a_private_repository_of_one_tagged_commit(hub, push, run_dir):
    before = contents(run_dir)
    ended = push("vpns/first")
    assert (ended.code, ended.err) == (0, "")
    repository = hub.model("vpns/first")
    first, made = repository.commits
    assert (first.summary, made.summary) == ("initial commit", "Publish a pruned model")
    [planned] = plan_repositories(run_dir, "vpns/first", 0.7)
    for path, content in planned.files.items():
        content = content if isinstance(content, bytes) else content.read_bytes()
        assert made.files[path].content == content, path
    assert made.sent == set(planned.files)
    assert repository.private
    assert repository.tags == {"v1": made.oid}
    assert ended.out == f"{hub.url}/vpns/first: published, v1 at commit {made.oid[:8]}\n"
    assert contents(run_dir) == before


def test_pushing_again_sends_nothing(hub, push, requests):
    push("vpns/again")
    before = len(requests())
    uploads, commits = len(hub.uploads), list(hub.model("vpns/again").commits)
    ended = push("vpns/again")
    assert ended.code == 0
    assert "No files have been modified since last commit." in ended.err
    assert ": unchanged, v1 at commit " in ended.out
    sent = [line for line in requests()[before:] if line.startswith(("PUT", "POST")) and "/commit/" in line]
    assert (sent, len(hub.uploads), hub.model("vpns/again").commits) == ([], uploads, commits)


def test_a_change_sends_what_changed_as_the_next_version(hub, push, run_dir, tmp_path):
    push("vpns/changed")
    changed = shutil.copytree(run_dir, tmp_path / "changed")
    with (changed / "sparsity-70" / "README.md").open("a") as card:
        card.write("\nMore.\n")
    (changed / "sparsity-70" / "plots" / "prompt.png").unlink()
    repository = hub.model("vpns/changed")
    uploads = len(hub.uploads)
    assert "published, v2" in push("vpns/changed", run_dir=changed).out
    assert repository.head.sent == {"README.md"}
    assert "plots/prompt.png" not in repository.head.files
    assert len(hub.uploads) == uploads
    assert list(repository.tags) == ["v1", "v2"]
    assert repository.tags["v2"] == repository.head.oid


def test_weights_in_another_layout_do_not_stay_beside_the_new_ones(hub, push, run_dir, tmp_path):
    push("vpns/layout")
    changed = shutil.copytree(run_dir, tmp_path / "changed")
    (changed / "sparsity-70" / "model.safetensors").rename(
        changed / "sparsity-70" / "model-00001-of-00001.safetensors"
    )
    (changed / "sparsity-70" / "recipe.yaml").unlink()
    push("vpns/layout", run_dir=changed)
    files = hub.model("vpns/layout").head.files
    assert [path for path in files if path.endswith(".safetensors")] == ["model-00001-of-00001.safetensors"]
    assert "recipe.yaml" not in files  # that of another model


def test_files_of_others_stay(hub, push, client):
    push("vpns/shared")
    client.call(CALLS, "add_note", token=WRITER, repo_id="vpns/shared")
    push("vpns/shared", "--sparsity", 0.4)
    assert hub.model("vpns/shared").head.files["NOTES.md"].content == b"Mine."


def test_a_connection_that_breaks_once_is_taken_up_again(hub, push):
    hub.break_uploads({0})
    ended = push("vpns/once")
    assert ended.code == 0
    assert len(hub.model("vpns/once").commits) == 2


def test_a_connection_that_stays_broken_and_another_try(hub, push, requests):
    uploads = len(hub.uploads)
    hub.break_uploads(range(1, 1000))
    line = push("vpns/broken").err.splitlines()[-1]
    assert line.startswith("push_to_hub.py: error: vpns/broken could not be published: the connection to http://127")
    assert line.endswith("try again: what has arrived is not sent a second time")
    [arrived] = hub.uploads[uploads:]
    assert len(hub.model("vpns/broken").commits) == 1
    hub.break_uploads(())
    assert push("vpns/broken").code == 0
    sent = hub.uploads[uploads:]
    assert len(sent) == len(set(sent)) == 4
    assert sum(arrived in line for line in requests()) == 1
    made = hub.model("vpns/broken").head
    assert {
        hashlib.sha256(made.files[path].content).hexdigest() for path in made.files if made.files[path].is_lfs
    } == set(sent)


def test_all_models_of_a_run_join_a_collection(hub, client, run_dir):
    argv = [run_dir, "--hub_model_id", "whole/{arch}-{dataset}-{sparsity}", "--collection", "Sparse nets"]
    for _ in range(2):
        ended = client.script(SCRIPT, *argv, token=WRITER)
        assert (ended.code, len(ended.out.splitlines())) == (0, 2)
    [collection] = [one for one in hub.collections.values() if one["title"] == "Sparse nets"]
    assert (collection["owner"]["name"], collection["private"]) == ("whole", True)
    assert [item["id"] for item in collection["items"]] == ["whole/resnet18-cifar100-40", "whole/resnet18-cifar100-70"]
    there = len(hub.collections)
    assert client.script(SCRIPT, *argv[:-1], collection["slug"], token=WRITER).code == 0
    assert len(hub.collections) == there
    missing = [*argv[:-1], f"whole/nothing-{'0' * 24}"]
    assert "(404: Collection not found)" in client.script(SCRIPT, *missing, token=WRITER).err


def test_a_tag_of_ones_own(hub, push):
    assert "published, paper at commit" in push("vpns/tagged", "--tag", "paper").out
    assert "unchanged, paper at commit" in push("vpns/tagged", "--tag", "paper").out
    assert "unchanged, best at commit" in push("vpns/tagged", "--tag", "best").out
    line = push("vpns/tagged", "--tag", "paper", "--sparsity", 0.4).refusal("push_to_hub.py")
    head = hub.model("vpns/tagged").head
    assert f"holds the files now, at commit {head.oid[:8]}, but the tag paper names another version" in line
    line = push("vpns/tagged", "--tag", "paper").refusal("push_to_hub.py")
    assert "the tag paper of vpns/tagged names another version; give another --tag" in line
    assert hub.model("vpns/tagged").head == head
    assert "unchanged, smaller at commit" in push("vpns/tagged", "--tag", "smaller", "--sparsity", 0.4).out


def test_public_only_when_asked_for(hub, push):
    push("vpns/open", "--public")
    assert not hub.model("vpns/open").private
    assert "is public already; add --public" in push("vpns/open", "--sparsity", 0.4).refusal("push_to_hub.py")
    push("vpns/opened")
    push("vpns/opened", "--public")
    assert not hub.model("vpns/opened").private


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (None, ["401", "`hf auth login`", "HF_TOKEN"]),
        (UNKNOWN, ["401", "`hf auth login`", "HF_TOKEN"]),
        (READER, ["403", "write access"]),
        (STRANGER, ["403", "write access"]),
    ],
)
def test_who_may_not_publish(hub, push, token, words):
    line = push("vpns/forbidden", token=token).refusal("push_to_hub.py")
    assert all(word in line for word in words), line
    assert ("models", "vpns/forbidden") not in hub.repositories


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["vpns"], "is no repository id"),
        (["vpns/{arch}-{network}"], "{network}"),
        (["vpns/net", "--sparsity", "0.8"], "no model of sparsity 0.8"),
        (["vpns/net", "--sparsity", "most"], "invalid float value"),
        (["vpns/net", "--tokn", "hf_mySecretToken"], "unrecognized arguments: --tokn <token>"),
    ],
)
def test_wrong_arguments_end_in_one_line(push, requests, argv, words):
    line = push(*argv).refusal("push_to_hub.py")
    assert words.strip("{}") in line
    assert requests() == []


def test_a_dry_run_lists_files_and_sizes_and_asks_nothing(push, requests, run_dir):
    ended = push("vpns/{arch}-{sparsity}", "--dry_run", token=None)
    assert (ended.code, ended.err, requests()) == (0, "", [])
    size = (run_dir / "sparsity-70" / "model.safetensors").stat().st_size
    assert "vpns/resnet18-40: " in ended.out
    assert f"model.safetensors                   {size:>13,} bytes" in ended.out


@pytest.fixture
def prune(client, tmp_path):
    """Prunes a tiny model on tiny data, and publishes it."""
    argv = [*write_tiny_inputs(tmp_path), "--output_dir", tmp_path / "out", "--push_to_hub", *TINY_JOB]
    argv += ["--find_mask_epochs", 0, "--finetune_epochs", 0, "--sparsities", 0.5, 0.7]
    return lambda *options, token=WRITER: client.script("scripts/prune.py", *argv, *options, token=token)


@pytest.mark.slow
def test_a_job_publishes_its_models(hub, prune, tmp_path):
    more = ["--collection", "Of jobs", "--license", "mit"]
    ended = prune("--hub_model_id", "vpns/{arch}-{dataset}-{sparsity}", *more)
    assert ended.code == 0, ended.err
    [collection] = [one for one in hub.collections.values() if one["title"] == "Of jobs"]
    assert [item["id"] for item in collection["items"]] == ["vpns/net-pictures-50", "vpns/net-pictures-70"]
    for sparsity in (50, 70):
        name = f"vpns/net-pictures-{sparsity}"
        assert f"{hub.url}/{name}: published, v1" in ended.out
        repository = hub.model(name)
        assert repository.private
        assert b"license: mit\n" in repository.head.files["README.md"].content
        for path, file in repository.head.files.items():
            assert str(tmp_path).encode() not in file.content, path
            assert WRITER.encode() not in file.content, path
    recipe = yaml.safe_load((tmp_path / "out" / "recipe.yaml").read_text())
    assert not {"push_to_hub", "hub_model_id", "public", "collection", "license"} & set(recipe)


@pytest.mark.parametrize(
    ("options", "token", "words"),
    [
        (["--hub_model_id", "vpns/net"], WRITER, "sparsity-50, sparsity-70 cannot all be published as vpns/net"),
        (["--hub_model_id", "vpns/{sparsity}"], None, "there is no token; log in with `hf auth login`"),
        (["--hub_model_id", "vpns/{sparsity}"], STRANGER, "nothing can be published as vpns: the token is of eve"),
        (["--hub_model_id", "vpns/{sparsity}"], READER, "the token can only read"),
        (["--hub_model_id", "vpns/{sparsity}"], UNKNOWN, "not known to the Hub"),
        (["--hub_model_id", "vpns/{sparsity}", f"--hub_token={UNKNOWN}"], WRITER, "--hub_token=<token>"),
        (["--hub_model_id", "vpns/{sparsity}", "--token", WRITER], WRITER, "unknown argument --token"),
        ([], WRITER, "push_to_hub needs --hub_model_id"),
    ],
)
def test_a_job_that_could_not_be_published_does_not_begin(prune, tmp_path, options, token, words):
    line = prune(*options, token=token).refusal("prune.py")
    assert words in line
    assert not any(secret in line for secret in (WRITER, READER, STRANGER, UNKNOWN))
    assert not (tmp_path / "out").exists()


def test_the_token_is_nowhere(hub, client, push, run_dir, tmp_path):
    """Not in what is printed, nor published, nor logged; and what holds it is not published."""
    given = client.script(SCRIPT, run_dir, "--hub_model_id", "vpns/{sparsity}", "--token", WRITER)
    wrong = client.script(SCRIPT, run_dir, "--hub_model_id", "vpns/x{sparsity}", "--token", READER)
    assert (given.code, wrong.code) == (0, 2)
    for repository in hub.repositories.values():
        for file in repository.head.files.values():
            assert not any(token.encode() in file.content for token in (WRITER, READER))
    for path in filter(Path.is_file, client.home.rglob("*")):
        assert not any(token.encode() in path.read_bytes() for token in (WRITER, READER, UNKNOWN)), path
    leaking = shutil.copytree(run_dir, tmp_path / "leaking")
    results = json.loads((leaking / "results.json").read_text())
    (leaking / "results.json").write_text(json.dumps({**results, "command": f"prune.py --hub_token {WRITER}"}))
    line = push("vpns/leaking", run_dir=leaking).refusal("push_to_hub.py")
    assert "contains the token; nothing was uploaded" in line
    assert ("models", "vpns/leaking") not in hub.repositories
