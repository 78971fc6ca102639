USE shop;
CREATE TABLE IF NOT EXISTS shop.orders (
  id BIGINT NOT NULL COMMENT 'key',
  total DECIMAL(10,2),
  weight DECIMAL,
  status STRING,
  placed TIMESTAMP,
  local TIMESTAMP_NTZ,
  tags ARRAY<STRING>,
  attributes MAP<STRING, INT>,
  lines ARRAY<STRUCT<sku: STRING NOT NULL, quantity: INT>>,
  day DATE
)
USING parquet
PARTITIONED BY (day)
LOCATION 's3://bucket/orders'
TBLPROPERTIES ('a' = 'b');
CREATE TABLE log (line STRING) PARTITIONED BY (day DATE, hour INT);
MSCK REPAIR TABLE log;
