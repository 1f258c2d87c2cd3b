"""Rows that only compiled programs have: convolution and max-pooling in one."""

from __future__ import annotations

from .primitive import BATCH_LAST, Primitive, register

for _name, _outputs, _doc in (
    ("conv_max_pool", 2, "The largest elements of the windows over a convolution, and their places in the windows."),
    ("pooled_weight_transpose", None, "The transpose of a max-pooled convolution in its filters."),
    ("pooled_input_transpose", None, "The transpose of a max-pooled convolution in its input."),
):
    register(
        Primitive(
            name=_name,
            doc=_doc,
            glyph=_name,
            latex=r"\operatorname{{{{{}}}}}({{0}})".format(_name.replace("_", r"\_")),
            reads=(),
            called=(),
            domain=(),
            differentiable=False,
            facts=frozenset(("threads",)),
            outputs=_outputs,
            lies_as=BATCH_LAST if _name == "pooled_input_transpose" else None,
            spelling={"numpy": f"kernels.conv_pool.{_name}", "elements": f"kernels.conv_pool.{_name}"},
        )
    )
