"""What many devices and many processes cost on this machine, and what that says of larger ones.

`python -m benchmarks.scale` measures all of it in some minutes; `curves`, `collectives`, `devices` and `plan` are its
parts. Each measurement runs in processes of its own, which JAX joins over the loopback (`jobs.py`); `plan.py` has the
formulas of `docs/scale.md`, which take the bandwidths that were measured, or those of another machine:

    python -m benchmarks.scale collectives --out links.json
    python -m benchmarks.scale plan --links links.json
    python -m benchmarks.scale plan --link 50e9 --memory 1e12
"""
