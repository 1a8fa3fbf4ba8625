"""`python -m placement decide < records.jsonl > answers.jsonl`: one record a line in, one answer a line out."""

from __future__ import annotations

import argparse
import json
import sys

from placement.decide import decide


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m placement", description="Placement by files")
    parser.add_argument("command", choices=["decide"], help="answer each record: who passes, who weighs how much")
    parser.parse_args()
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(decide(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
