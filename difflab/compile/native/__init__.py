"""The backend "native": numba's machine code for what is arithmetic, NumPy for the rest."""
