# `make` prints this help. Variables cover flags of the command line: RECIPE, LIMIT, TEACHER, BACKEND, BASE_URL, STUDENT, SET, DATA.
RECIPE ?= mini
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

FLAGS = $(if $(LIMIT),--limit '$(LIMIT)') $(if $(TEACHER),--teacher '$(TEACHER)') $(if $(BACKEND),--backend '$(BACKEND)') \
        $(if $(BASE_URL),--base-url '$(BASE_URL)') $(if $(STUDENT),--student '$(STUDENT)') $(if $(DATA),--data '$(DATA)') \
        $(foreach change,$(SET),--set '$(change)')

.DEFAULT_GOAL := help
.PHONY: help setup generate train filter select evaluate estimate inspect preview status report show why methods filters benchmarks \
        test test-slow check check-lint check-all bench soak figures pictures mini-models clean \
        push eval-harness docs leaderboard search-prompts play compare

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@sed -n '1s/^# //p' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## install everything into .venv; the others do it by themselves
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local,train,filters,inspect,dev]'
	@touch $@

# vLLM brings its own torch and holds transformers below 5.20: it resolves with train (vllm 0.32.0, torch 2.13.0,
# transformers 5.19.0, trl 1.16.0), but not under constraints.txt.
VLLM := $(VENV)/.vllm
$(VLLM): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[vllm,local,train]'
	@touch $@

generate: $(READY) $(if $(filter vllm,$(BACKEND)),$(VLLM)) ## ask the teacher, filter, select: data/runs/RECIPE/1_tasks … 5_corpus
	@$(BIN)/distill generate '$(RECIPE)' $(FLAGS)

train: $(READY) $(if $(filter vllm,$(BACKEND)),$(VLLM)) ## train the student and its control, evaluate, report; generates first if there is no corpus
	@$(BIN)/distill train '$(RECIPE)' $(FLAGS)

filter select evaluate estimate preview status report play: $(READY) $(if $(filter vllm,$(BACKEND)),$(VLLM))
	@$(BIN)/distill $@ '$(RECIPE)' $(FLAGS)
filter: ## judge the samples again and select; the teacher is asked nothing
select: ## select again; asks nobody
evaluate: ## evaluate again and report
play: ## whole games of bandits by everybody who is compared (algorithm_distillation)
estimate: ## what generate would ask and cost, from a small pilot
preview: FLAGS += $(if $(TRAINING),--training)
preview: ## the first rendered prompts of every method; TRAINING=1 proves the corpus and shows what is learned; asks nobody
status: ## the funnel: tasks, responses, samples, kept by filter
report: ## write report.html again

inspect: $(READY) ## a page in a browser: funnel, tables, each row's story, the dropped, models, calls; PORT=8750
	@$(BIN)/distill inspect '$(RECIPE)' $(if $(PORT),--port '$(PORT)') $(if $(DATA),--data '$(DATA)')

METHOD ?= 0
search-prompts: $(READY) ## look for a better instruction for one of the recipe's methods and freeze it: make search-prompts METHOD=0
	@$(BIN)/distill search-prompts '$(RECIPE)' --method '$(METHOD)' $(FLAGS)

# Conditions and questions have quotes of all sorts in them: the shell reads them as variables. A shell's COLUMNS is a width.
PICKED  = $(if $(WHERE),--where "$$WHERE") $(if $(filter command,$(origin COLUMNS)),--columns '$(COLUMNS)') $(if $(LIMIT),--limit '$(LIMIT)')
LOOKING = --recipe '$(RECIPE)' $(if $(JSON),--json) $(if $(DATA),--data '$(DATA)')
show: $(READY) ## rows of a table: make show TABLE=samples [WHERE="finish = 'length'"] [COLUMNS=id,target] [LIMIT=5] [JSON=1]
	@$(BIN)/distill show $(TABLE) $(PICKED) $(LOOKING)

why: $(READY) ## what became of a row: make why ID=…, an id of any table or some words of the question [JSON=1]
	@$(BIN)/distill why "$$ID" $(LOOKING)

A ?= $(RECIPE)
compare: $(READY) ## two runs on the same tasks, and whether they can be told apart: make compare A=mini B=mini-b
	@$(BIN)/distill compare '$(A)' '$(B)' $(if $(JSON),--json) $(if $(DATA),--data '$(DATA)')

push: $(READY) ## show what would go to a model hub: make push REPO=owner/name [CORPUS=owner/name], with YES=1 send it
	@$(BIN)/distill push '$(RECIPE)' '$(REPO)' $(if $(CORPUS),--corpus '$(CORPUS)') $(if $(YES),--yes) $(FLAGS)

# lm-evaluation-harness, in an environment of its own.
HARNESS := .venv-harness
$(HARNESS)/.ready: constraints.txt
	$(PYTHON) -m venv $(HARNESS)
	$(HARNESS)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt 'lm-eval[hf]==0.4.13'
	@touch $@

INCLUDE ?= data/harness
MODEL   ?= distilled
eval-harness: $(READY) $(if $(HARNESS_PYTHON),,$(HARNESS)/.ready) ## evaluate by lm-evaluation-harness: make eval-harness TASKS=mini_word_problems
	@$(BIN)/distill eval-harness '$(RECIPE)' --tasks $(TASKS) --include '$(INCLUDE)' --model $(MODEL) $(FLAGS)

methods filters benchmarks: $(READY)
	@$(BIN)/distill $@
methods: ## the methods there are
filters: ## the filters there are
benchmarks: ## the benchmarks there are

# A file of tests to a core, in the order of tests/conftest.py. A torch of several threads in each would be slower than one.
PARALLEL := OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder
test: $(READY) ## the tests, without the slow ones
	@$(PARALLEL)

check-lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

check: check-lint test ## what every commit passes: lint, types, tests

test-slow: $(READY) ## the slow tests; VLLM_PYTHON names a Python that has vLLM
	@$(PARALLEL) -m slow

check-all: check test-slow ## check and the slow tests

docs: $(READY) ## write docs/methods.md, docs/prompts.md and the README's list of methods from the code
	@$(BIN)/python -m pipeline.report.methods_page

figures: $(READY) ## write the figures of data/runs/mini into the README
	@$(BIN)/python bench/figures.py

pictures: $(READY) ## take the README's pictures from data/runs/RECIPE; needs playwright and Chromium (CHROMIUM names it)
	@$(BIN)/python bench/pictures.py --recipe '$(RECIPE)' $(if $(DATA),--data '$(DATA)')

bench: $(READY) ## measure, and write docs/performance.md and docs/mini.md: all (about an hour), or ONLY="client faults"
	@$(BIN)/python bench/performance.py $(ONLY)
	@$(if $(ONLY),,$(BIN)/python bench/mini_models.py)

leaderboard: $(READY) ## compare the methods on the mini world and write docs/leaderboard.md and the README's block (about two and a half hours)
	@$(BIN)/python bench/leaderboard.py

soak: $(READY) ## half an hour of random faults with fixed seeds
	@SOAK_SECONDS=1800 $(BIN)/pytest -m slow --timeout 7200 tests/slow/test_soak.py

mini-models: $(READY) ## train the mini teacher and student from nothing (about three hours on one core)
	@$(BIN)/python -m pipeline.mini.train teacher data/mini/teacher
	@$(BIN)/python -m pipeline.mini.train student data/mini/student

clean: ## remove runs and remembered replies; asks first
	@printf 'Remove data/runs and data/responses.sqlite with every paid reply? [y/N] '; read answer; test "$$answer" = y
	rm -rf data/runs data/responses.sqlite data/responses.sqlite-wal data/responses.sqlite-shm data/responses.sqlite.claims
