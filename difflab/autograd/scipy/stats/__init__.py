"""Densities and distribution functions of scipy.stats, for traced values as well."""

from __future__ import annotations

from . import (
    beta as beta,
    chi2 as chi2,
    dirichlet as dirichlet,
    gamma as gamma,
    multivariate_normal as multivariate_normal,
    norm as norm,
    poisson as poisson,
    t as t,
)
