"""The lessons, and the small programs that execute them and write them down: `python -m tutorials`."""
