"""A referee for certificates that shares nothing with difflab: expressions are evaluated in mpmath, term by term."""
