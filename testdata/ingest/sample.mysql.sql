-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: pdns
-- ------------------------------------------------------
-- Server version	10.11.6-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;

--
-- Table structure for table `cryptokeys`
--

DROP TABLE IF EXISTS `cryptokeys`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
CREATE TABLE `cryptokeys` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `domain_id` int(11) NOT NULL,
  `flags` int(11) NOT NULL,
  `active` tinyint(1) DEFAULT NULL,
  `published` tinyint(1) DEFAULT 1,
  `content` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `domainidindex` (`domain_id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=latin1;

LOCK TABLES `cryptokeys` WRITE;
/*!40000 ALTER TABLE `cryptokeys` DISABLE KEYS */;
INSERT INTO `cryptokeys` VALUES
(1,2,257,0,1,'Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n');
/*!40000 ALTER TABLE `cryptokeys` ENABLE KEYS */;
UNLOCK TABLES;

CREATE TABLE `domains` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `name` varchar(255) NOT NULL,
  `master` varchar(128) DEFAULT NULL,
  `last_check` int(11) DEFAULT NULL,
  `type` varchar(8) NOT NULL,
  `notified_serial` int(10) unsigned DEFAULT NULL,
  `account` varchar(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci DEFAULT NULL,
  `options` varchar(64000) DEFAULT NULL,
  `catalog` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `name_index` (`name`)
) ENGINE=InnoDB;

INSERT INTO `domains` VALUES
(1,'example.com',NULL,NULL,'NATIVE',NULL,'o\'brien',NULL,NULL),
(2,'example.net','192.0.2.53',1700000000,'SLAVE',NULL,'',NULL,NULL);

--
-- Table structure for table `records`
--

CREATE TABLE `records` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `domain_id` int(11) DEFAULT NULL,
  `name` varchar(255) DEFAULT NULL,
  `type` varchar(10) DEFAULT NULL,
  `content` varchar(64000) DEFAULT NULL,
  `ttl` int(11) DEFAULT NULL,
  `prio` int(11) DEFAULT NULL,
  `disabled` tinyint(1) DEFAULT 0,
  `ordername` varchar(255) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL,
  `auth` tinyint(1) DEFAULT 1,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;

INSERT INTO `records` VALUES (1,1,'example.com','SOA','ns1.example.com hostmaster.example.com 7 10800 3600 604800 3600',3600,0,0,NULL,1),(2,1,'example.com','NS','ns1.example.com',3600,0,0,NULL,1),(3,1,'ns1.example.com','A','192.0.2.1',3600,0,0,NULL,1),(4,1,'txt.example.com','TXT','\"it\'s\" \"semi;colon\" \"back\\\\slash\" \"\\\"quoted\\\"\"',3600,NULL,0,NULL,1),(5,1,'off.example.com','A','192.0.2.9',3600,0,1,NULL,1),(6,1,'hex.example.com','TXT',0x22686578696d616c22,3600,0,b'0',_binary 'hex',_binary '\0');
INSERT INTO `records` VALUES (7,2,'example.net','SOA','ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600',3600,0,0,NULL,1);

DELIMITER ;;
CREATE TRIGGER bump AFTER INSERT ON records FOR EACH ROW BEGIN
  UPDATE domains SET last_check = 0 WHERE id = NEW.domain_id;
END ;;
DELIMITER ;

/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;

-- Dump completed on 2026-01-01 12:00:00
