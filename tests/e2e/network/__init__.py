"""Places of the tests' own that stand for the world outside, and programs that answer there and try to reach them."""
