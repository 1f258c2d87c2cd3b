"""The five methods: numerical, symbolic, forward, reverse, certified. One file each, one signature."""
