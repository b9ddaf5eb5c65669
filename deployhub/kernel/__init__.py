"""The ground floor: words that every other floor speaks. Plain Python, no Django."""
