INSTALL json;
ATTACH 'shop.duckdb' AS shop;
CREATE TABLE shop.main."Order Lines" (
  id INTEGER PRIMARY KEY,
  "select" HUGEINT NOT NULL,
  price DECIMAL(10),
  kind ENUM ('a', 'b'),
  tags VARCHAR[],
  grid INTEGER[3][],
  attributes MAP(VARCHAR, STRUCT(a INTEGER)[]),
  placed TIMESTAMP,
  precise TIMESTAMP_NS,
  coarse TIMESTAMP(0),
  zoned TIMESTAMPTZ,
  doubled INTEGER GENERATED ALWAYS AS (id * 2)
);
CREATE MACRO twice(x) AS 2 * x;
