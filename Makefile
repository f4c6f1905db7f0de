# `make` prints this help. Variables cover flags of the command line: RECIPE, LIMIT, TEACHER, BACKEND, BASE_URL, STUDENT, SET, DATA.
RECIPE ?= mini
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

FLAGS = $(if $(LIMIT),--limit $(LIMIT)) $(if $(TEACHER),--teacher '$(TEACHER)') $(if $(BACKEND),--backend $(BACKEND)) \
        $(if $(BASE_URL),--base-url '$(BASE_URL)') $(if $(STUDENT),--student '$(STUDENT)') $(if $(DATA),--data '$(DATA)') \
        $(foreach change,$(SET),--set '$(change)')

.DEFAULT_GOAL := help
.PHONY: help setup generate train filter select evaluate inspect preview status report why methods filters \
        test check check-lint check-all bench figures mini-models clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@sed -n '1s/^# //p' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## install everything into .venv; the others do it by themselves
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local,train,dev]'
	@touch $@

generate: $(READY) ## ask the teacher, filter, select: data/runs/RECIPE/1_tasks … 5_corpus
	@$(BIN)/distill generate '$(RECIPE)' $(FLAGS)

train: $(READY) ## train the student and its control, evaluate, report; generates first if there is no corpus
	@$(BIN)/distill train '$(RECIPE)' $(FLAGS)

filter select evaluate preview status report inspect: $(READY)
	@$(BIN)/distill $@ '$(RECIPE)' $(FLAGS)
filter: ## judge the samples again and select; asks nobody
select: ## select again; asks nobody
evaluate: ## evaluate again and report
preview: ## the first rendered prompts of every method; asks nobody
status: ## the funnel: tasks, responses, samples, kept by filter
report: ## write report.html again
inspect: ## every table: path, rows, columns explained, a few rows

why: $(READY) ## what became of a row: make why ID=…
	@$(BIN)/distill why '$(ID)' --recipe '$(RECIPE)' $(if $(DATA),--data '$(DATA)')

methods filters: $(READY)
	@$(BIN)/distill $@
methods: ## the methods there are
filters: ## the filters there are

test: $(READY) ## the tests, without the slow ones
	@$(BIN)/pytest

check-lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

check: check-lint test ## what every commit passes: lint, types, tests

check-all: check-lint ## check and the slow tests
	@$(BIN)/pytest -m ''

figures: $(READY) ## write the figures of data/runs/mini into the README
	@$(BIN)/python bench/figures.py

bench: $(READY) ## measure: the mini models
	@$(BIN)/python bench/mini_models.py

mini-models: $(READY) ## train the mini teacher and student from nothing (about 75 minutes on two cores)
	@$(BIN)/python -m pipeline.mini.train teacher data/mini/teacher
	@$(BIN)/python -m pipeline.mini.train student data/mini/student

clean: ## remove runs and remembered replies; asks first
	@printf 'Remove data/runs and data/responses.sqlite with every paid reply? [y/N] '; read answer; test "$$answer" = y
	rm -rf data/runs data/responses.sqlite data/responses.sqlite-wal data/responses.sqlite-shm
