"""The functions that compile makes: what they read, which program answers a call, and what became of it."""
