"""Short answers on a page, each beside the control or the numbers at which a student asks.

The same questions, with a place in the lessons for each, stand in docs/questions.md.
"""

from __future__ import annotations

from html import escape

ANSWERS = {
    "order": (
        "Why this order?",
        "A node sends its ∂ on once, so all of it must be there by then: a node waits for every node that uses its "
        "value. The order in which nobody is early is the topological one, backwards. Choose the other order to see "
        "what goes lost.",
    ),
    "parts": (
        "Upstream, local, downstream?",
        "Upstream is how fast the output moves with the sender: the sender's ∂. Local is how fast the sender moves "
        "with the receiver: the derivative of this one operation. Speeds multiply, and downstream, their product, is "
        "how fast the output moves with the receiver along this wire.",
    ),
    "sum": (
        "Why add?",
        "A value that is used twice moves the output along both of its wires. A small move makes both changes at once, "
        "and they add; so do the derivatives.",
    ),
    "kink": (
        "Why ◆?",
        "At a kink, such as that of relu at 0, the slopes to the left and to the right differ: there is no derivative, "
        "and what is returned is a convention, relu'(0) = 0. It matters: relu(x) − relu(−x) is x, and gets 0 instead "
        "of 1; and hidden weights that start at 0 never move.",
    ),
    "block": (
        "What is a block?",
        "Some operations with a box around them. Closed, it is one node with one local derivative, which is the chain "
        "rule over what is inside. Open or closed, the gradient is the same.",
    ),
    "vjp": (
        "What is a vjp?",
        "Where arrays flow the local derivative is a matrix J, the Jacobian. Upstream is a row u, downstream is u·J: a "
        "vector-Jacobian product, vjp. Each operation computes it without ever making J.",
    ),
    "step": (
        "Which step is best?",
        "The formula's own error grows with the step, like h². Rounding grows as it shrinks, like 2e-16/h. The sum is "
        "least near the cube root of 2e-16: h about 1e-5, times the distance over which the function bends. (A forward "
        "difference: near the square root, 1e-8.)",
    ),
    "sweeps": (
        "When does forward mode win?",
        "Forward mode takes a sweep for each input, reverse mode one for each output. Few inputs and many outputs, or "
        "one direction only: forward wins, and it need not keep any value. Many inputs and one output, such as a loss: "
        "reverse.",
    ),
    "swell": (
        "Why do formulas swell?",
        "The product rule writes every factor again beside each derivative, so a formula on one line repeats its parts "
        "over and over. Sharing undoes it: each part gets a name and is computed once, as reverse mode does by itself.",
    ),
    "certified": (
        "What does “certified” prove?",
        "That the formula, on exact numbers, is differentiable around the point, and between which two numbers its "
        "derivative lies. Not that a program rounds well, not what holds at another point, not that the formula is the "
        "one you meant. And “undecided” is no disproof.",
    ),
}


def why(*names: str) -> str:
    """Questions to open, by their names in `ANSWERS`, as HTML.

    >>> why("sum")[:52]
    '<details class="why"><summary>Why add?</summary><p>A'
    """
    return "".join(
        f'<details class="why"><summary>{escape(question)}</summary><p>{escape(answer)}</p></details>'
        for question, answer in map(ANSWERS.__getitem__, names)
    )
