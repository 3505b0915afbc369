"""The schema of comparison.json in the documentation is the one that the program writes by."""

import json
from pathlib import Path

from netlists.comparison import schema

SHOWN = Path(__file__).resolve().parents[2] / "docs" / "comparison.schema.json"


def test_documented_schema_is_the_present_one():
    """Write it anew from `netlists.comparison.schema()` where this fails."""
    assert json.loads(SHOWN.read_text()) == schema()


def test_every_field_says_what_it_means():
    """No property of the schema is without a description."""
    definitions = [schema(), *schema()["$defs"].values()]
    bare = [
        f"{definition['title']}.{name}"
        for definition in definitions
        for name, field in definition["properties"].items()
        if not field.get("description")
    ]
    assert not bare
