# Every recipe runs in the checkout's own environment; ./just makes it on first use.

set positional-arguments

python := ".venv/bin/python"
ibert := ".venv/bin/ibert"

# List the recipes
default:
    @.venv/bin/just --list

# Make data/sql2ibis/train.jsonl from the templates: every pair is run and compared
[no-exit-message]
generate-data *arguments:
    @{{ ibert }} data generate "$@"

# Make data/all/dataset: examples of all six tasks, each proved by running it
[no-exit-message]
generate-all *arguments:
    @{{ ibert }} data generate-all "$@"

# Count what the dataset holds
[no-exit-message]
dataset-stats *arguments:
    @{{ ibert }} data stats "$@"

# List the templates
[no-exit-message]
list-templates *arguments:
    @{{ ibert }} data templates "$@"

# Run every example of the dataset again
[no-exit-message]
validate-data *arguments:
    @{{ ibert }} data validate "$@"

# Show what Ibis itself makes of SQL: con.sql, parse_sql, decompile
[no-exit-message]
test-ibis-sql *arguments:
    @{{ ibert }} eval ibis-sql "$@"

# Run the tests
test *arguments:
    @{{ python }} -m pytest "$@"

# What CI runs: format, lint, types, tests
check:
    {{ python }} -m ruff format --check
    {{ python }} -m ruff check
    {{ python }} -m mypy
    {{ python }} -m pytest --numprocesses 2 --dist loadfile

# Measure, each beside a yardstick of the same run: validation, translation, then the factory
bench: bench-validation bench-translation bench-factory

# Measure validated examples per second beside the bare cost
bench-validation *arguments:
    @{{ python }} bench/validation.py "$@"

# Measure verified examples per second and core of the factory, and its scaling
bench-factory *arguments:
    @{{ python }} bench/factory.py "$@"

# Measure what translating costs, how that grows, and what its results cost to run
[no-exit-message]
bench-translation *arguments:
    @{{ python }} bench/translation.py "$@"

# Measure what a confined execution costs beside one in this process
[no-exit-message]
bench-sandbox *arguments:
    @{{ python }} bench/sandbox.py "$@"

# Measure what completing costs when warm, beside Jedi
[no-exit-message]
bench-completion *arguments:
    @{{ python }} bench/completion.py "$@"

# Count again what completions are ranked by
count-completions:
    @{{ python }} bench/completion_counts.py

# Write README's generated numbers again
readme *measures:
    @{{ python }} bench/readme.py "$@"

# Write docs/rules.md again from the rules of `ibert check`
rules:
    @{{ ibert }} check --rules > docs/rules.md
