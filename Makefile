# Everything but `make test-timm` runs in the environment .venv, which the first target that needs it creates.
PYTHON ?= python3
# What pip installs first. The smaller build without CUDA:
#   make setup TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
# The choice is kept until `make clean`.
TORCH ?= torch==2.13.0
# Given to pytest: `make test PYTEST_ARGS="tests/pruning -x"`, or `PYTEST_ARGS="-n 4"` on a machine with cores to spare.
# A file stays with one process, which makes what its tests share once.
PYTEST_ARGS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Of `make test-timm`, in an environment of its own: torchvision goes with one build of torch only, and not with all that lack CUDA.
TIMM_TORCH ?= torch==2.14.1 torchvision==0.29.1

# Of `make checkpoints`, folders: a ResNet-18 pre-trained on Tiny-ImageNet, the images of CIFAR-10 and of CIFAR-100.
BASE ?=
CIFAR10 ?=
CIFAR100 ?=
# Where the weights are kept, the cards are put, and options that have the last word: CHECKPOINT_ARGS="--finetune_epochs 1".
CHECKPOINTS ?= output/checkpoints
CARDS ?= model_cards
CHECKPOINT_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# All that `accelerate launch` would otherwise choose, and warn about.
LAUNCH := --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no
# What `make demo` ends with.
CLASSIFY := $(BIN)/python -c "from transformers import pipeline; print(pipeline(\"image-classification\", \"output/digits/sparsity-90\", trust_remote_code=True)(\"docs/images/digit.png\"))"
OWN := $(BIN)/python scripts/prune.py --model_name_or_path microsoft/resnet-18 --dataset_name path/to/images --output_dir output/mine
PRUNE_AT_64 = $(BIN)/python scripts/prune.py --model_name_or_path $(BASE) --max_train_samples 10000 --max_test_samples 5000 \
	--image_size 64 --prompt_size 5 --train_batch_size 256 --find_mask_epochs 3 --finetune_epochs 3 --equal_passes auto --seed 7 \
	--mixed_precision bf16 --disable_tqdm
ADD_CARD = $(BIN)/python scripts/model_cards.py --cards_dir $(CARDS) --name resnet18-64px
TOO_OLD := Python 3.10 or newer is needed: make setup PYTHON=/path/to/python3

.DEFAULT_GOAL := help
.PHONY: help setup demo checkpoints checkpoint-folders cards-of-vpns-c10 cards-of-channel-c10 cards-of-vpns-c100 test test-fast test-timm quality style clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: .venv/.installed ## create .venv and install torch, the package and its tools

demo: setup ## prune a small ResNet on handwritten digits and print a table; writes output/digits
	$(BIN)/accelerate launch $(LAUNCH) scripts/prune.py --overwrite_output_dir
	@printf '\nTry it on a picture, look at what came out, and prune a model on your own images:\n'
	@printf '  %s\n' '$(CLASSIFY)' 'cat output/digits/results.md    # and the pictures it names' '$(OWN)'

# A job that is finished is not done again: remove its folder below $(CHECKPOINTS) to have it so.
checkpoints: checkpoint-folders setup cards-of-vpns-c10 cards-of-channel-c10 cards-of-vpns-c100 ## make the measured models of model_cards/ again, in hours: BASE=DIR CIFAR10=DIR CIFAR100=DIR

cards-of-vpns-c10: $(CHECKPOINTS)/vpns-c10/job.json
	for percent in 40 60 70 90; do $(ADD_CARD)-c10-$$percent --add $(<D)/sparsity-$$percent || exit; done

cards-of-channel-c10: $(CHECKPOINTS)/channel-c10/job.json $(CHECKPOINTS)/channel-c10-onnx/README.md
	$(ADD_CARD)-c10-channel-50 --add $(<D)/sparsity-50
	cp $(CHECKPOINTS)/channel-c10-onnx/README.md $(CARDS)/resnet18-64px-c10-channel-50/onnx.md

cards-of-vpns-c100: $(CHECKPOINTS)/vpns-c100/job.json
	$(ADD_CARD)-c100-70 --add $(<D)/sparsity-70

checkpoint-folders:
	$(foreach name,BASE CIFAR10 CIFAR100,$(if $(wildcard $($(name))),,$(error $(name) is "$($(name))", where no folder is; give make checkpoints BASE=DIR CIFAR10=DIR CIFAR100=DIR)))

$(CHECKPOINTS)/vpns-c10/job.json: | checkpoint-folders setup
	$(PRUNE_AT_64) --dataset_name $(CIFAR10) --sparsities 0.4 0.6 0.7 0.9 --output_dir $(@D) $(CHECKPOINT_ARGS)

$(CHECKPOINTS)/channel-c10/job.json: | checkpoint-folders setup
	$(PRUNE_AT_64) --dataset_name $(CIFAR10) --granularity channel --sparsities 0.5 --output_dir $(@D) $(CHECKPOINT_ARGS)

$(CHECKPOINTS)/channel-c10-onnx/README.md: $(CHECKPOINTS)/channel-c10/job.json
	$(BIN)/python scripts/export.py $(<D)/sparsity-50 --onnx --int8 $(CIFAR10) --max_test_samples 5000 --output_dir $(@D)

$(CHECKPOINTS)/vpns-c100/job.json: | checkpoint-folders setup
	$(PRUNE_AT_64) --dataset_name $(CIFAR100) --sparsities 0.7 --output_dir $(@D) $(CHECKPOINT_ARGS)

test: setup ## run the whole test suite
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-fast: setup ## run the tests that take seconds
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m "not slow"

test-timm: .venv-timm/.installed ## run the tests of timm's networks; creates .venv-timm, several GB
	.venv-timm/bin/python -m pytest tests/backbones/test_real_timm.py

quality: setup ## check the style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

style: setup ## correct the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove both environments, builds and caches; output/ stays
	rm -rf .venv .venv-timm build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.torch:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "$(TOO_OLD)" or 0)'
	$(PYTHON) -m venv .venv
	$(PIP) install $(TORCH)
	@touch $@

.venv/.installed: .venv/.torch setup.cfg pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --config-settings editable_mode=compat --editable ".[dev]"
	@touch $@

.venv-timm/.installed: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "$(TOO_OLD)" or 0)'
	$(PYTHON) -m venv .venv-timm
	.venv-timm/bin/python -m pip --disable-pip-version-check install $(TIMM_TORCH)
	.venv-timm/bin/python -m pip --disable-pip-version-check install --constraint constraints.txt --config-settings editable_mode=compat --editable ".[dev,timm]"
	@touch $@
