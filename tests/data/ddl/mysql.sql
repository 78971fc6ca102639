-- As mysqldump writes it.
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
CREATE DATABASE `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;
USE `shop`;
DROP TABLE IF EXISTS `orders`;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `orders` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `customer_id` bigint(20) DEFAULT NULL,
  `status` enum('new','paid','sent') NOT NULL DEFAULT 'new' COMMENT 'where it; stands',
  `total` decimal(10,2) unsigned DEFAULT NULL,
  `is_gift` tinyint(1) NOT NULL DEFAULT '0',
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `placed` datetime(6) DEFAULT NULL,
  `changed` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `year` year(4) DEFAULT NULL,
  `meta` json DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`customer_id`,`status`),
  KEY `k` (`name`(10)),
  CONSTRAINT `c` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='orders';
LOCK TABLES `orders` WRITE;
INSERT INTO `orders` VALUES (1,NULL,'new',1.00,0,'it''s; here',NULL,'2024-01-01 00:00:00',2024,'{}');
UNLOCK TABLES;
