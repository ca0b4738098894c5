"""`python3 -m coursehub.cli`, where the package is on the path and its programs are not."""

import sys

from .main import main

sys.exit(main())
