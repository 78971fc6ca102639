PRAGMA foreign_keys = ON;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "orders" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  customer INTEGER REFERENCES customers (id),
  name VARCHAR(20) COLLATE NOCASE,
  total NUMERIC(10, 2),
  score REAL,
  is_gift BOOLEAN DEFAULT 0 NOT NULL CHECK (is_gift IN (0, 1)),
  placed DATETIME,
  raw BLOB,
  UNIQUE (customer, name)
) STRICT;
INSERT INTO orders (name) VALUES ('a;b');
COMMIT;
