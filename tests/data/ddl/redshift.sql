CREATE TABLE public.orders (
  id BIGINT NOT NULL ENCODE az64,
  name VARCHAR(MAX),
  code CHAR(3) ENCODE zstd,
  total DECIMAL,
  placed TIMESTAMPTZ,
  raw VARBYTE(10),
  PRIMARY KEY (id)
)
DISTSTYLE KEY
DISTKEY (id)
SORTKEY (placed);
