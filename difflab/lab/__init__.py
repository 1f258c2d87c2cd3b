"""What a person asks of the methods: comparison, step sizes, expression swell, accuracy, kinks."""
