"""Fuzzing of everything that reads what somebody else wrote.

    python -m benchmarks.fuzz TARGET [TARGET ...] --minutes N [--seed S] [--out FOLDER]   (all: every target in turn)
    python -m benchmarks.fuzz TARGET --replay FILE [FILE ...]
    python -m benchmarks.fuzz --report --out FOLDER

A target (a file in `targets/`) hands bytes to what a user would call. An input is a finding when it ends with anything
but a DifflabError, takes more than the target's seconds of processor time (2 unless it says otherwise), or more than
1 GiB of memory. Inputs are made by atheris (guided by coverage of difflab's code) and by the target's own `mutate`,
which knows the format; without atheris by the latter alone.
"""
