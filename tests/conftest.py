"""For all tests."""

import signal

# Whoever runs the tests may ignore it (a shell does in its background jobs), and what they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
