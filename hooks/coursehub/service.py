"""`coursehub storage serve`, as units of before call it: `python3 -m coursehub.service`."""

import sys

from coursehub.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["storage", "serve", *sys.argv[1:]]))
