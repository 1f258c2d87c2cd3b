"""The text of a program, one file for each target."""
