"""Gradients of other frameworks held against the derivative of what they compute."""
