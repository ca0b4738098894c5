"""The chart's alerts."""

from pathlib import Path

import yaml

RULES = Path(__file__).resolve().parents[2] / "chart/files/alerts.yaml"
ALERTS = [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
