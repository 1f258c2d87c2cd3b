"""Functions of JAX as graphs: the jaxpr of a function, run operation by operation on difflab's rows."""
