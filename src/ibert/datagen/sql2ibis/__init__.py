"""SQL → Ibis examples from YAML templates."""

from ibert.datagen.sql2ibis.render import Pair, render
from ibert.datagen.sql2ibis.template import TEMPLATES, Template, load_templates

__all__ = ["TEMPLATES", "Pair", "Template", "load_templates", "render"]
