"""The one version of package, chart and hub image; in a checkout it holds a digest of the content.

`python3 -m ci.chart version` writes it.
"""

from pathlib import Path
from typing import Final

VERSION: Final = Path(__file__).with_name("VERSION").read_text().strip()
