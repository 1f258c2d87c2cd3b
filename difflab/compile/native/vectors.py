"""The innermost loops of convolution in vector instructions, with the sums in registers.

LLVM does not keep a small matrix of sums in registers of its own accord. Here it is told to: each sum is a vector, a
step reads some vectors and some numbers and multiplies each with each, as the innermost loop of BLAS does, and nothing
has to be copied before, because neighbours along the batch lie side by side in memory.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ...types import Value


class Shape(NamedTuple):
    """How many elements a vector has, and how many vectors of sums the registers hold with what they are made of."""

    lanes: int
    sums: int


@cache
def shape_of(dtype: Any) -> Shape:
    """For numbers of this dtype on this processor."""
    features = import_module("llvmlite.binding").get_host_cpu_features()
    wide = features.get("avx512f", False)
    return Shape((64 if wide else 32) // np.dtype(dtype).itemsize, 24 if wide else 12)


class Vectors:
    """Writes loads, stores and products of one kind of vectors, at places counted in elements."""

    def __init__(self, builder: Any, itemsize: int, lanes: int) -> None:
        self.ir: Any = import_module("llvmlite.ir")
        self.tools: Any = import_module("numba.core.cgutils")
        self.builder: Value = builder
        self.itemsize: int = itemsize
        self.lanes: int = lanes
        self.number: Any = self.ir.FloatType() if itemsize == 4 else self.ir.DoubleType()
        self.vector: Any = self.ir.VectorType(self.number, lanes)
        kind = self.ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fma.v{lanes}f{8 * itemsize}"
        self.fma: Any = self.tools.get_or_insert_function(builder.module, kind, name)

    def sums(self, count: int) -> list[Any]:
        """So many vectors of zeros, which LLVM keeps in registers."""
        found = [self.tools.alloca_once(self.builder, self.vector) for _ in range(count)]
        for place in found:
            self.builder.store(self.ir.Constant(self.vector, [0.0] * self.lanes), place)
        return found

    def at(self, start: Any, *steps: tuple[Any, Any]) -> Any:
        """start + the sum of index * step; an index may be Python's number."""
        for index, step in steps:
            index = self.ir.Constant(start.type, index) if isinstance(index, int) else index
            step = self.ir.Constant(start.type, step) if isinstance(step, int) else step
            start = self.builder.add(start, self.builder.mul(index, step))
        return start

    def place(self, data: Any, index: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [index]), self.vector.as_pointer())

    def load(self, data: Any, index: Any) -> Any:
        return self.builder.load(self.place(data, index), align=self.itemsize)

    def store(self, value: Any, data: Any, index: Any) -> None:
        self.builder.store(value, self.place(data, index), align=self.itemsize)

    def repeated(self, data: Any, index: Any) -> Any:
        """A vector of one number."""
        ir, builder = self.ir, self.builder
        x = builder.load(builder.gep(data, [index]), align=self.itemsize)
        whole, word = ir.Constant(self.vector, ir.Undefined), ir.IntType(32)
        first = builder.insert_element(whole, x, ir.Constant(word, 0))
        return builder.shuffle_vector(first, whole, ir.Constant(ir.VectorType(word, self.lanes), [0] * self.lanes))

    def add_product(self, x: Any, y: Any, to: Any) -> None:
        self.builder.store(self.builder.call(self.fma, [x, y, self.builder.load(to)]), to)

    def total(self, place: Any) -> Any:
        """The sum of the elements, in halves."""
        ir, builder = self.ir, self.builder
        x, n, word = builder.load(place), self.lanes, ir.IntType(32)
        while n > 1:
            n //= 2
            whole = ir.Constant(x.type, ir.Undefined)
            low, high = (ir.Constant(ir.VectorType(word, n), list(range(k, k + n))) for k in (0, n))
            x = builder.fadd(builder.shuffle_vector(x, whole, low), builder.shuffle_vector(x, whole, high))
        return builder.extract_element(x, ir.Constant(word, 0))


def arrays_and_numbers(context: Any, builder: Any, kinds: Any, given: Any) -> list[Any]:
    """The arguments of an intrinsic, arrays as pointers to their first elements."""
    array = import_module("numba").types.Array
    make: Any = context.make_array
    return [make(k)(context, builder, x).data if isinstance(k, array) else x for k, x in zip(kinds, given)]


@cache
def products(outs: int, vectors: int, lanes: int, itemsize: int) -> Value:
    """The intrinsic `run(y, y0, yo, x, x0, xa, xb, xc, w, w0, wa, wb, wc, A, B, C)`.

    y[y0 + o yo + i] = the sum over a < A, b < B, c < C of w[w0 + a wa + b wb + c wc + o] x[x0 + a xa + b xb + c xc + i]
    for o < outs and the elements i of so many vectors.
    """
    numba = import_module("numba")

    def run(context: Any, y: Any, y0: Any, yo: Any, x: Any, x0: Any, xa: Any, xb: Any, xc: Any,
            w: Any, w0: Any, wa: Any, wb: Any, wc: Any, A: Any, B: Any, C: Any) -> Any:  # fmt: skip
        def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            v = Vectors(builder, itemsize, lanes)
            given = arrays_and_numbers(context, builder, signature.args, given)
            y, y0, yo, x, x0, xa, xb, xc, w, w0, wa, wb, wc, A, B, C = given
            sums = v.sums(outs * vectors)
            loop = v.tools.for_range
            with loop(builder, A) as a, loop(builder, B) as b, loop(builder, C) as c:
                xk = v.at(x0, (a.index, xa), (b.index, xb), (c.index, xc))
                wk = v.at(w0, (a.index, wa), (b.index, wb), (c.index, wc))
                seen = [v.load(x, v.at(xk, (k, lanes))) for k in range(vectors)]
                for o in range(outs):
                    factor = v.repeated(w, v.at(wk, (o, 1)))
                    for k in range(vectors):
                        v.add_product(factor, seen[k], sums[o * vectors + k])
            for o in range(outs):
                for k in range(vectors):
                    v.store(builder.load(sums[o * vectors + k]), y, v.at(y0, (o, yo), (k, lanes)))
            return context.get_dummy_value()

        whole = numba.types.intp
        return numba.types.void(y, *[whole] * 2, x, *[whole] * 4, w, *[whole] * 7), code

    return numba.extending.intrinsic(run)


@cache
def correlations(outs: int, taps: int, lanes: int, itemsize: int) -> Value:
    """The intrinsic `run(t, t0, to, g, g0, go, x, x0, xk, n)`.

    t[t0 + o to + k] += the sum over i < n of g[g0 + o go + i] x[x0 + k xk + i] for o < outs and k < taps, where n is a
    number of whole vectors.
    """
    numba = import_module("numba")

    def run(context: Any, t: Any, t0: Any, to: Any, g: Any, g0: Any, go: Any, x: Any, x0: Any, xk: Any, n: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            v = Vectors(builder, itemsize, lanes)
            t, t0, to, g, g0, go, x, x0, xk, n = arrays_and_numbers(context, builder, signature.args, given)
            sums = v.sums(outs * taps)
            with v.tools.for_range(builder, builder.sdiv(n, v.ir.Constant(n.type, lanes))) as step:
                seen = [v.load(x, v.at(x0, (step.index, lanes), (k, xk))) for k in range(taps)]
                for o in range(outs):
                    factor = v.load(g, v.at(g0, (step.index, lanes), (o, go)))
                    for k in range(taps):
                        v.add_product(factor, seen[k], sums[o * taps + k])
            for o in range(outs):
                for k in range(taps):
                    to_element = builder.gep(t, [v.at(t0, (o, to), (k, 1))])
                    found = builder.fadd(builder.load(to_element, align=itemsize), v.total(sums[o * taps + k]))
                    builder.store(found, to_element, align=itemsize)
            return context.get_dummy_value()

        whole = numba.types.intp
        return numba.types.void(t, *[whole] * 2, g, *[whole] * 2, x, *[whole] * 3), code

    return numba.extending.intrinsic(run)
