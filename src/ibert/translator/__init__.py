"""SQL to Ibis: relations, expressions, functions as tables of data, emission."""
