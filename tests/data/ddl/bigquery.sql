CREATE SCHEMA IF NOT EXISTS shop;
CREATE OR REPLACE TABLE `project-1.shop.orders` (
  id INT64 NOT NULL OPTIONS (description = 'key'),
  total NUMERIC(10, 2),
  rate BIGNUMERIC,
  placed TIMESTAMP DEFAULT CURRENT_TIMESTAMP(),
  local DATETIME,
  tags ARRAY<STRING>,
  lines ARRAY<STRUCT<sku STRING NOT NULL, quantity INT64, prices ARRAY<FLOAT64>>>,
  address STRUCT<street STRING, geo GEOGRAPHY>,
  PRIMARY KEY (id) NOT ENFORCED
)
PARTITION BY DATE(placed)
CLUSTER BY id
OPTIONS (require_partition_filter = TRUE);
CREATE EXTERNAL TABLE shop.feed (line STRING, raw BYTES) OPTIONS (format = 'CSV', uris = ['gs://b/*']);
