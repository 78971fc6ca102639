"""What random expressions are made of: productions by the kind that they give, one a line.

`$kind` stands for an expression of that kind, `$number` and `$scalar` for one of any such kind.
"""

LITERALS = {
    "int": ("0", "1", "2", "3", "-1", "10", "NULL"),
    "float": ("0.5::DOUBLE", "CAST(2 AS DOUBLE)", "1.5e0", "-1e1"),
    "decimal": ("0.5", "1.25", "-2.0", "10.00"),
    "string": ("''", "'a'", "'ab'", "'A'", "'b '", "'x_%'", "'it''s'", "'zoë'"),
    "bool": ("TRUE", "FALSE", "NULL::BOOLEAN"),
    "date": ("DATE '2024-01-31'", "DATE '2023-12-31'", "CAST('2024-02-29' AS DATE)"),
    "timestamp": ("TIMESTAMP '2024-01-31 09:30:15'", "TIMESTAMP '2024-01-01 00:00:00'"),
    "ints": ("[1, 2, 3]", "[0, NULL]", "[1]"),
    "struct": ("{'w': 1, 'label': 'a'}",),
}

# What gives any kind, which `$0` stands for.
ANY = """
CASE WHEN $bool THEN $0 ELSE $0 END
CASE WHEN $bool THEN $0 END
CASE WHEN $bool THEN $0 WHEN $bool THEN $0 ELSE NULL END
COALESCE($0, $0)
NULLIF($0, $0)
"""
# What is in every engine.
COMMON = {
    "int": """
$int + $int
$int - $int
$int * $int
-$int
ABS($int)
$int % 3
$int + 1
LENGTH($string)
EXTRACT(YEAR FROM $date)
EXTRACT(MONTH FROM $timestamp)
CAST($bool AS INTEGER)
CAST($number AS BIGINT)
CASE $int WHEN 1 THEN $int WHEN 2 THEN 0 ELSE $int END
""",
    "float": """
$int / 2
$int / $int
$float + $float
$float * $float
$float - $int
-$float
ABS($float)
ROUND($float, 1)
CAST($int AS DOUBLE)
CAST($decimal AS DOUBLE)
$decimal / 2
""",
    "decimal": """
$decimal + $decimal
$decimal - $decimal
$decimal * $decimal
$decimal * $int
$decimal * (1 - $decimal)
-$decimal
ABS($decimal)
ROUND($decimal, 1)
CAST($int AS DECIMAL(10, 2))
CAST($float AS DECIMAL(12, 3))
""",
    "string": """
UPPER($string)
LOWER($string)
TRIM($string)
$string || $string
CONCAT($string, $string)
SUBSTRING($string, 1, 2)
SUBSTRING($string FROM 2 FOR 1)
REPLACE($string, 'a', 'b')
CAST($int AS VARCHAR)
CAST($date AS VARCHAR)
CASE $string WHEN 'a' THEN 'x' WHEN '' THEN $string ELSE 'other' END
""",
    "bool": """
$int = $int
$number > $number
$number <> $number
$int <= 2
$number >= 0
$string = $string
$string < $string
$string <> 'a'
$date >= DATE '2024-01-01'
$date < $date
$timestamp <= $timestamp
$bool AND $bool
$bool OR $bool
NOT $bool
$scalar IS NULL
$scalar IS NOT NULL
$int BETWEEN 0 AND 3
$number NOT BETWEEN $number AND $number
$date BETWEEN DATE '2024-01-01' AND DATE '2024-02-29'
$int IN (1, 2, 3)
$int NOT IN (1, 2)
$int IN (1, NULL)
$int NOT IN (1, NULL)
$string IN ('a', 'b ', '')
$string NOT IN ('a')
$string LIKE 'a%'
$string LIKE '%b_'
$string NOT LIKE '%a%'
$bool = $bool
$bool <> $bool
$bool IS TRUE
$bool IS NOT FALSE
$bool IS NOT TRUE
$int IS DISTINCT FROM $int
$string IS NOT DISTINCT FROM $string
""",
    "date": """
CAST($timestamp AS DATE)
CASE WHEN $bool THEN $date ELSE $date END
""",
    "timestamp": """
$date + INTERVAL 1 DAY
$timestamp + INTERVAL '2' HOUR
$timestamp - INTERVAL '1 month'
CAST($date AS TIMESTAMP)
DATE_TRUNC('month', $timestamp)
""",
    "ints": "[$int, $int]",
    "struct": "{'w': $int, 'label': $string}",
}
# What is DuckDB's own, or seldom written.
RARE = {
    "int": """
$int // 2
$int // $int
$int % $int
SIGN($number)
GREATEST($int, $int)
LEAST($int, $int, $int)
IFNULL($int, 0)
IF($bool, $int, $int)
STRPOS($string, 'a')
POSITION('b' IN $string)
INSTR($string, $string)
EXTRACT(DOW FROM $date)
EXTRACT(QUARTER FROM $date)
EXTRACT(HOUR FROM $timestamp)
DATE_PART('day', $timestamp)
YEAR($date)
MONTH($timestamp)
DAY($date)
DAYOFWEEK($date)
ISODOW($date)
DAYOFYEAR($date)
WEEK($date)
QUARTER($timestamp)
MINUTE($timestamp)
SECOND($timestamp)
DATE_DIFF('day', $date, $date)
DATE_DIFF('month', $timestamp, $timestamp)
DATEDIFF('year', $date, $date)
$date - $date
TRY_CAST($string AS INTEGER)
CAST(FLOOR($float) AS INTEGER)
CAST($float AS INTEGER)
LEN($ints)
ARRAY_LENGTH($ints)
$ints[1]
LIST_SUM($ints)
LIST_MAX($ints)
LIST_POSITION($ints, 2)
STRUCT_EXTRACT($struct, 'w')
$int & 3
$int::SMALLINT
UNICODE($string)
ASCII($string)
LEVENSHTEIN($string, $string)
EPOCH($timestamp)::BIGINT
""",
    "float": """
FLOOR($float)
CEIL($float)
ROUND($float)
SQRT(ABS($float))
SQRT(ABS($int))
LN(ABS($float) + 1)
EXP($float / 10)
POWER($float, 2)
POW($int, 2)
$int ** 2
GREATEST($float, $float)
LEAST($float, $int)
$float % 2
TRUNC($float)
LOG10(ABS($float) + 1)
SIN($float)
PI() * $float
$float::FLOAT
TRY_CAST($string AS DOUBLE)
$decimal / $decimal
$number / 0.5
""",
    "decimal": """
$decimal % 2
GREATEST($decimal, $decimal)
LEAST($decimal, $int)
$decimal::DECIMAL(18, 3)
ROUND($decimal)
IFNULL($decimal, 0)
""",
    "string": """
LTRIM($string)
RTRIM($string)
TRIM($string, 'a')
TRIM(BOTH 'a' FROM $string)
SUBSTR($string, 2)
$string[1]
$string[1:2]
LEFT($string, 2)
RIGHT($string, 1)
LEFT($string, -1)
SUBSTRING($string, -2, 1)
REVERSE($string)
REPEAT($string, 2)
LPAD($string, 4, '*')
RPAD($string, 1, '-')
CONCAT_WS('-', $string, $string)
CAST($bool AS VARCHAR)
CAST($decimal AS VARCHAR)
CAST($float AS VARCHAR)
CAST($timestamp AS VARCHAR)
STRFTIME($date, '%Y-%m')
STRFTIME($timestamp, '%d/%m/%Y %H:%M')
SPLIT_PART($string, 'b', 1)
REGEXP_REPLACE($string, '[a-b]', 'x')
REGEXP_REPLACE($string, 'a', 'x', 'g')
REGEXP_EXTRACT($string, '[a-z]+')
REGEXP_EXTRACT($string, '(a)(b)?', 2)
GREATEST($string, $string)
DAYNAME($date)
MONTHNAME($date)
STRUCT_EXTRACT($struct, 'label')
IF($bool, $string, $string)
TRANSLATE($string, 'ab', 'xy')
CHR(97)
""",
    "bool": """
$string ILIKE 'A%'
$string NOT ILIKE '%B%'
$string LIKE 'x!_!%' ESCAPE '!'
$string LIKE 'x\\_%' ESCAPE '\\'
$string LIKE $string
STARTS_WITH($string, 'a')
ENDS_WITH($string, 'b')
CONTAINS($string, 'a')
REGEXP_MATCHES($string, '^a')
$string SIMILAR TO 'a.*'
$string ~ '[ab]+'
LIST_CONTAINS($ints, 1)
$int IN ($int, $int)
$number IN (1, 0.25, $number)
($int, $string) = (1, 'a')
($int, $string) IN ((1, 'a'), (2, 'ab'))
$date < $timestamp
$date = '2024-01-31'
$timestamp > '2024-01-01'
$bool IS UNKNOWN
$bool IS FALSE
$int = NULL
NULL IS NULL
$ints = [1]
ISNAN($float)
$number = ANY([1, 2])
$bool::INT = 1
""",
    "date": """
$date + 1
$date - 1
LAST_DAY($date)
MAKE_DATE(2024, 1, 15)
GREATEST($date, $date)
$timestamp::DATE
COALESCE($date, DATE '2024-01-01')
""",
    "timestamp": """
DATE_TRUNC('hour', $timestamp)
DATE_TRUNC('week', $date)
DATE_TRUNC('year', $date)
DATE_TRUNC('quarter', $timestamp)
$date - INTERVAL 1 YEAR
$date + INTERVAL ($int) DAY
DATE_ADD($date, INTERVAL 1 WEEK)
$timestamp + INTERVAL '1 day 2 hours'
$timestamp + INTERVAL 90 MINUTE
GREATEST($timestamp, $timestamp)
$date::TIMESTAMP
""",
    "ints": """
LIST_SORT($ints)
LIST_CONCAT($ints, $ints)
$ints[1:2]
LIST_VALUE($int, 1)
LIST_APPEND($ints, $int)
LIST_FILTER($ints, x -> x > 1)
[x + 1 FOR x IN $ints]
LIST_TRANSFORM($ints, x -> x * 2)
""",
    "struct": "STRUCT_PACK(w := $int, label := $string)",
}
# Aggregates by the kind that they give.
AGGREGATES = {
    "int": """
COUNT(*)
COUNT($scalar)
COUNT(DISTINCT $scalar)
SUM($int)
SUM(DISTINCT $int)
MIN($int)
MAX($int)
SUM(CASE WHEN $bool THEN 1 ELSE 0 END)
COUNT(CASE WHEN $bool THEN 1 END)
""",
    "float": """
AVG($int)
AVG($float)
SUM($float)
MIN($float)
AVG($decimal)
STDDEV($int)
VAR_POP($float)
""",
    "decimal": """
SUM($decimal)
MIN($decimal)
MAX($decimal)
SUM($decimal * $int)
""",
    "string": """
MIN($string)
MAX($string)
""",
    "bool": """
BOOL_AND($bool)
BOOL_OR($bool)
""",
    "date": """
MIN($date)
MAX($date)
""",
    "timestamp": """
MAX($timestamp)
MIN($timestamp)
""",
}
RARE_AGGREGATES = {
    "int": "COUNT_IF($bool)\nCOUNT(1)\nCOUNT(NULL)\nBIT_OR($int)\nCOUNT(DISTINCT ($int, $string))",
    "float": """
AVG(DISTINCT $int)
MEDIAN($int)
QUANTILE_CONT($float, 0.25)
PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY $float)
VAR_SAMP($int)
STDDEV_POP($float)
CORR($float, $int)
COVAR_POP($int, $float)
""",
    "string": """
STRING_AGG($string, ',' ORDER BY $string)
STRING_AGG(DISTINCT $string, '-' ORDER BY $string)
""",
    "ints": "LIST($int ORDER BY $int)\nARRAY_AGG(DISTINCT $int ORDER BY $int)",
}
# What tells rows apart where no column is a boolean.
TESTS = (
    "$int > 0",
    "$number <= 1",
    "$string > 'a'",
    "$date > DATE '2024-01-01'",
    "$scalar IS NULL",
)
