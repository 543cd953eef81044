PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE domains (
  id                    INTEGER PRIMARY KEY,
  name                  VARCHAR(255) NOT NULL COLLATE NOCASE,
  master                VARCHAR(128) DEFAULT NULL,
  last_check            INTEGER DEFAULT NULL,
  type                  VARCHAR(8) NOT NULL,
  notified_serial       INTEGER DEFAULT NULL,
  account               VARCHAR(40) DEFAULT NULL,
  options               VARCHAR(65535) DEFAULT NULL,
  catalog               VARCHAR(255) DEFAULT NULL
);
INSERT INTO domains VALUES(1,'example.com',NULL,NULL,'NATIVE',NULL,'admin',NULL,NULL);
INSERT INTO domains VALUES(2,'example.net',NULL,NULL,'MASTER',2026010100,'',NULL,NULL);
INSERT INTO domains VALUES(3,'example.org','192.0.2.100, [2001:db8::100]:5300',1767225600,'SLAVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(4,'catalog.example',NULL,NULL,'PRODUCER',NULL,NULL,'{"producer": {}}',NULL);
INSERT INTO domains VALUES(5,'member.example',NULL,NULL,'NATIVE',NULL,NULL,'{"producer":{"group":["one"],"unique":"abc"}}','catalog.example');
INSERT INTO domains VALUES(6,'2.0.192.in-addr.arpa',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(7,'128/25.2.0.192.in-addr.arpa',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(8,'signed.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(9,'keyed.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(10,'presigned.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(11,'odd.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(12,'nosoa.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(13,'twosoa.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(14,'off.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(15,'empty.example','192.0.2.100',NULL,'SLAVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(16,'oldsoa.example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(17,'badlabel..example',NULL,NULL,'NATIVE',NULL,NULL,NULL,NULL);
INSERT INTO domains VALUES(18,'kind.example',NULL,NULL,'SOMETHING',99999999999,NULL,NULL,NULL);
CREATE TABLE records (
  id                    INTEGER PRIMARY KEY,
  domain_id             INTEGER DEFAULT NULL,
  name                  VARCHAR(255) DEFAULT NULL,
  type                  VARCHAR(10) DEFAULT NULL,
  content               VARCHAR(65535) DEFAULT NULL,
  ttl                   INTEGER DEFAULT NULL,
  prio                  INTEGER DEFAULT NULL,
  disabled              BOOLEAN DEFAULT 0,
  ordername             VARCHAR(255),
  auth                  BOOL DEFAULT 1,
  FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO records VALUES(1,1,'example.com','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(2,1,'example.com','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(3,1,'example.com','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(4,1,'ns1.example.com','A','192.0.2.1',3600,0,0,NULL,1);
INSERT INTO records VALUES(5,1,'ns1.example.com','AAAA','2001:db8::1',3600,0,0,NULL,1);
INSERT INTO records VALUES(6,1,'ns2.example.com','A','192.0.2.2',3600,0,0,NULL,1);
INSERT INTO records VALUES(7,1,'ns2.example.com','AAAA','2001:db8::2',3600,0,0,NULL,1);
INSERT INTO records VALUES(8,1,'example.com','A','192.0.2.10',300,0,0,NULL,1);
INSERT INTO records VALUES(9,1,'example.com','AAAA','2001:db8::10',300,0,0,NULL,1);
INSERT INTO records VALUES(10,1,'www.example.com','CNAME','example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(11,1,'example.com','MX','mail.example.com',3600,10,0,NULL,1);
INSERT INTO records VALUES(12,1,'example.com','MX','mail2.example.net.',3600,20,0,NULL,1);
INSERT INTO records VALUES(13,1,'mail.example.com','A','192.0.2.25',3600,0,0,NULL,1);
INSERT INTO records VALUES(14,1,'example.com','TXT','"v=spf1 mx -all"',3600,0,0,NULL,1);
INSERT INTO records VALUES(15,1,'example.com','TXT','"two" "strings; with a \"quote\""',3600,0,0,NULL,1);
INSERT INTO records VALUES(16,1,'*.apps.example.com','A','192.0.2.80',3600,0,0,NULL,1);
INSERT INTO records VALUES(17,1,'_sip._tcp.example.com','SRV','5 5060 sip.example.com',3600,10,0,NULL,1);
INSERT INTO records VALUES(18,1,'example.com','CAA','0 issue "ca.example.net"',3600,0,0,NULL,1);
INSERT INTO records VALUES(19,1,'example.com','HTTPS','1 . alpn=h2,h3 ipv4hint=192.0.2.10',3600,0,0,NULL,1);
INSERT INTO records VALUES(20,1,'sip.example.com','NAPTR','100 10 "s" "SIP+D2U" "" _sip._udp.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(21,1,'_443._tcp.www2.example.com','TLSA','3 1 1 abababababababababababababababababababababababababababababababab',3600,0,0,NULL,1);
INSERT INTO records VALUES(22,1,'host.example.com','SSHFP','4 2 cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',3600,0,0,NULL,1);
INSERT INTO records VALUES(23,1,'example.com','LOC','50 5 12.000 N 14 25 30.000 E 200m 10m 100m 10m',3600,0,0,NULL,1);
INSERT INTO records VALUES(24,1,'old.example.com','DNAME','example.net',3600,0,0,NULL,1);
INSERT INTO records VALUES(25,1,'type.example.com','TYPE65280','\# 4 00010203',3600,0,0,NULL,1);
INSERT INTO records VALUES(26,1,'first\.last.example.com','MX','mail.example.com',3600,10,0,NULL,1);
INSERT INTO records VALUES(27,1,'my\032printer.example.com','A','192.0.2.99',3600,0,0,NULL,1);
INSERT INTO records VALUES(28,1,'a.b.c.example.com','TXT','"below empty non-terminals"',3600,0,0,NULL,1);
INSERT INTO records VALUES(29,1,'b.c.example.com',NULL,NULL,NULL,NULL,0,NULL,1);
INSERT INTO records VALUES(30,1,'c.example.com',NULL,NULL,NULL,NULL,0,NULL,1);
INSERT INTO records VALUES(31,1,'sub.example.com','NS','ns1.sub.example.com',3600,0,0,NULL,0);
INSERT INTO records VALUES(32,1,'sub.example.com','NS','ns2.example.net',3600,0,0,NULL,0);
INSERT INTO records VALUES(33,1,'ns1.sub.example.com','A','192.0.2.53',3600,0,0,NULL,0);
INSERT INTO records VALUES(34,1,'sub.example.com','DS','12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF',3600,0,0,NULL,1);
INSERT INTO records VALUES(35,1,'alias.example.com','ALIAS','www.example.net',3600,0,0,NULL,1);
INSERT INTO records VALUES(36,1,'lua.example.com','LUA','A "ifportup(443, {''192.0.2.1'', ''192.0.2.2''})"',3600,0,0,NULL,1);
INSERT INTO records VALUES(37,1,'url.example.com','URL','https://www.example.net/',3600,0,0,NULL,1);
INSERT INTO records VALUES(38,1,'off.example.com','A','192.0.2.77',3600,0,1,NULL,1);
INSERT INTO records VALUES(39,1,'example.com','MX','mail9.example.com',3600,50,1,NULL,1);
INSERT INTO records VALUES(40,2,'example.net','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(41,2,'example.net','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(42,2,'example.net','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(43,2,'www.example.net','CNAME','www.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(44,2,'mail2.example.net','A','192.0.2.26',3600,0,0,NULL,1);
INSERT INTO records VALUES(45,2,'ns2.example.net','A','192.0.2.54',3600,0,0,NULL,1);
INSERT INTO records VALUES(46,3,'example.org','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(47,3,'example.org','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(48,3,'example.org','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(49,3,'www.example.org','A','192.0.2.110',3600,0,0,NULL,1);
INSERT INTO records VALUES(50,4,'catalog.example','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(51,4,'catalog.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(52,4,'catalog.example','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(53,5,'member.example','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(54,5,'member.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(55,5,'member.example','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(56,6,'2.0.192.in-addr.arpa','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(57,6,'2.0.192.in-addr.arpa','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(58,6,'2.0.192.in-addr.arpa','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(59,6,'10.2.0.192.in-addr.arpa','PTR','example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(60,6,'25.2.0.192.in-addr.arpa','PTR','mail.example.com.',3600,0,0,NULL,1);
INSERT INTO records VALUES(61,6,'128.2.0.192.in-addr.arpa','CNAME','128.128/25.2.0.192.in-addr.arpa',3600,0,0,NULL,1);
INSERT INTO records VALUES(62,6,'128/25.2.0.192.in-addr.arpa','NS','ns1.example.com',3600,0,0,NULL,0);
INSERT INTO records VALUES(63,7,'128/25.2.0.192.in-addr.arpa','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(64,7,'128/25.2.0.192.in-addr.arpa','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(65,7,'128/25.2.0.192.in-addr.arpa','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(66,7,'128.128/25.2.0.192.in-addr.arpa','PTR','host128.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(67,8,'signed.example','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(68,8,'signed.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(69,8,'signed.example','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(70,8,'www.signed.example','A','192.0.2.60',3600,0,0,NULL,1);
INSERT INTO records VALUES(71,9,'keyed.example','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(72,9,'keyed.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(73,9,'keyed.example','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(74,10,'presigned.example','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(75,10,'presigned.example','RRSIG','SOA 13 2 3600 20460101000000 20260101000000 5956 presigned.example. U9B5H0hqAz6dj+0p1MzHbXwfiWXb+52Pen1WSZ0+jyDRuj7MD+wGVPSwMBx1/NZdgND4DLWkhjafrWiDjVnz3A==',3600,0,0,NULL,1);
INSERT INTO records VALUES(76,10,'presigned.example','A','192.0.2.90',3600,0,0,NULL,1);
INSERT INTO records VALUES(77,10,'presigned.example','RRSIG','A 13 2 3600 20460101000000 20260101000000 5956 presigned.example. 601I6bBTdL/zKbTRzGgJodBNy4ZJwxQJYhHvAgrq4qwUmbIdDEjjU+s6OUD3eJanuJuyhq9Onew9Lpw5q58vFQ==',3600,0,0,NULL,1);
INSERT INTO records VALUES(78,10,'presigned.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(79,10,'presigned.example','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(80,10,'presigned.example','RRSIG','NS 13 2 3600 20460101000000 20260101000000 5956 presigned.example. Xyn8EvNPO730I9ckha6vjiolEPnU1+9zouupDCSMrAdBm6qlRj2cIITW2OmogLY3xr/VXVwml7QIRTjwcr+9AQ==',3600,0,0,NULL,1);
INSERT INTO records VALUES(81,10,'presigned.example','DNSKEY','257 3 13 4UjyOzmqNS9ODd6zNgbf66YKgOJA2Ecp7lJC2rfRJUZ2K/sG2K/75rG32xo7AR+WMX8dDTjazhpqmYH0PLok9A==',3600,0,0,NULL,1);
INSERT INTO records VALUES(82,10,'presigned.example','RRSIG','DNSKEY 13 2 3600 20460101000000 20260101000000 5956 presigned.example. mzW6yK2rAEe23PkbDX8DaUJ3kt6P5pTTigr+hs3JIclUN2n7KGWnOfh0iz6r0bpFw/E0huEiD7H/zo8mWh4mUA==',3600,0,0,NULL,1);
INSERT INTO records VALUES(83,10,'presigned.example','NSEC','*.wild.presigned.example. A NS SOA RRSIG NSEC DNSKEY',3600,0,0,NULL,1);
INSERT INTO records VALUES(84,10,'presigned.example','RRSIG','NSEC 13 2 3600 20460101000000 20260101000000 5956 presigned.example. HE0OqN5JtGe7cStPMUgPyKiLsHi8HYaljnx228t0ZEo8+MqXa+yqvQ7zLeX7n6RWCw7AC0wGLXjqr+ZrOZbAxA==',3600,0,0,NULL,1);
INSERT INTO records VALUES(85,10,'*.wild.presigned.example','TXT','"signed wildcard"',3600,0,0,NULL,1);
INSERT INTO records VALUES(86,10,'*.wild.presigned.example','RRSIG','TXT 13 3 3600 20460101000000 20260101000000 5956 presigned.example. K4gwElmm37ztUhqycrXicTSrstNSAjZCaefoc905pcRzOKIpghFdL784Y21RBhFL83TrH3f0QryVnRDhTmK2mg==',3600,0,0,NULL,1);
INSERT INTO records VALUES(87,10,'*.wild.presigned.example','NSEC','www.presigned.example. TXT RRSIG NSEC',3600,0,0,NULL,1);
INSERT INTO records VALUES(88,10,'*.wild.presigned.example','RRSIG','NSEC 13 3 3600 20460101000000 20260101000000 5956 presigned.example. /ECnyxL5Uhqh4ZOsqMPb9n3z2MRq2dlqpGS6axKWLdYtUuDj2jw5OsBwD41QbgvhTwqL2Rv0brgJxN6+hTDL6w==',3600,0,0,NULL,1);
INSERT INTO records VALUES(89,10,'www.presigned.example','A','192.0.2.91',3600,0,0,NULL,1);
INSERT INTO records VALUES(90,10,'www.presigned.example','RRSIG','A 13 3 3600 20460101000000 20260101000000 5956 presigned.example. 3dQ3APpA4BqT5JzEKM83BwrtBvsPqIzbpKPbyvUYmdBei+EAYQ9HrwZshgsemJvRO3fNh270avpFmnNqdUeUpw==',3600,0,0,NULL,1);
INSERT INTO records VALUES(91,10,'www.presigned.example','NSEC','presigned.example. A RRSIG NSEC',3600,0,0,NULL,1);
INSERT INTO records VALUES(92,10,'www.presigned.example','RRSIG','NSEC 13 3 3600 20460101000000 20260101000000 5956 presigned.example. kX33/URoXXn3Uwfq6qJJK+4TXMI5W04QNa5TiQZbfTNCrFOQwAbgjSqojFwcO0FHw4lcDz6dHYL/YpyVTNM6UQ==',3600,0,0,NULL,1);
INSERT INTO records VALUES(93,11,'odd.example','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(94,11,'odd.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(95,11,'odd.example','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(96,11,'mail.odd.example','A','192.0.2.25',3600,0,0,NULL,1);
INSERT INTO records VALUES(97,11,'mx-null.odd.example','MX','mail.odd.example',3600,NULL,0,NULL,1);
INSERT INTO records VALUES(98,11,'mx-inline.odd.example','MX','20 mail.odd.example',3600,0,0,NULL,1);
INSERT INTO records VALUES(99,11,'mx-large.odd.example','MX','mail.odd.example',3600,70000,0,NULL,1);
INSERT INTO records VALUES(100,11,'srv-null.odd.example','SRV','5 5060 mail.odd.example',3600,NULL,0,NULL,1);
INSERT INTO records VALUES(101,11,'srv-inline.odd.example','SRV','7 5 5060 mail.odd.example',3600,0,0,NULL,1);
INSERT INTO records VALUES(102,11,'srv-short.odd.example','SRV','5060 mail.odd.example',3600,0,0,NULL,1);
INSERT INTO records VALUES(103,11,'a-text.odd.example','A','not-an-address',3600,0,0,NULL,1);
INSERT INTO records VALUES(104,11,'a-256.odd.example','A','192.0.2.256',3600,0,0,NULL,1);
INSERT INTO records VALUES(105,11,'aaaa-v4.odd.example','AAAA','192.0.2.1',3600,0,0,NULL,1);
INSERT INTO records VALUES(106,11,'both.odd.example','CNAME','mail.odd.example',3600,0,0,NULL,1);
INSERT INTO records VALUES(107,11,'both.odd.example','A','192.0.2.30',3600,0,0,NULL,1);
INSERT INTO records VALUES(108,11,'both.odd.example','TXT','"beside a CNAME"',3600,0,0,NULL,1);
INSERT INTO records VALUES(109,11,'two-cnames.odd.example','CNAME','www.example.net',3600,0,0,NULL,1);
INSERT INTO records VALUES(110,11,'two-cnames.odd.example','CNAME','www.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(111,11,'two-dnames.odd.example','DNAME','example.net',3600,0,0,NULL,1);
INSERT INTO records VALUES(112,11,'two-dnames.odd.example','DNAME','example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(113,11,'odd.example','CNAME','www.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(114,11,'twice.odd.example','A','192.0.2.31',3600,0,0,NULL,1);
INSERT INTO records VALUES(115,11,'twice.odd.example','A','192.0.2.31',3600,0,0,NULL,1);
INSERT INTO records VALUES(116,11,'twice-case.odd.example','MX','mail.odd.example',3600,5,0,NULL,1);
INSERT INTO records VALUES(117,11,'twice-case.odd.example','MX','MAIL.odd.example.',3600,5,0,NULL,1);
INSERT INTO records VALUES(118,11,'no-auth.odd.example','A','192.0.2.32',3600,0,0,NULL,0);
INSERT INTO records VALUES(119,11,'null-auth.odd.example','A','192.0.2.33',3600,0,0,NULL,NULL);
INSERT INTO records VALUES(120,11,'ttls.odd.example','A','192.0.2.34',600,0,0,NULL,1);
INSERT INTO records VALUES(121,11,'ttls.odd.example','A','192.0.2.35',60,0,0,NULL,1);
INSERT INTO records VALUES(122,11,'ttl-null.odd.example','A','192.0.2.36',NULL,0,0,NULL,1);
INSERT INTO records VALUES(123,11,'ttl-negative.odd.example','A','192.0.2.37',-1,0,0,NULL,1);
INSERT INTO records VALUES(124,11,'ttl-zero.odd.example','A','192.0.2.38',0,0,0,NULL,1);
INSERT INTO records VALUES(125,11,'txt-bare.odd.example','TXT','v=spf1 include:example.net -all',3600,0,0,NULL,1);
INSERT INTO records VALUES(126,11,'txt-long.odd.example','TXT','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',3600,0,0,NULL,1);
INSERT INTO records VALUES(127,11,'txt-long-quoted.odd.example','TXT','"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"',3600,0,0,NULL,1);
INSERT INTO records VALUES(128,11,'txt-utf8.odd.example','TXT','"grüße"',3600,0,0,NULL,1);
INSERT INTO records VALUES(129,11,'txt-ddd.odd.example','TXT','"\226\130\172 \\ \""',3600,0,0,NULL,1);
INSERT INTO records VALUES(130,11,'txt-empty.odd.example','TXT','""',3600,0,0,NULL,1);
INSERT INTO records VALUES(131,11,'txt-open.odd.example','TXT','"no end',3600,0,0,NULL,1);
INSERT INTO records VALUES(132,11,'txt-after.odd.example','TXT','"one" two',3600,0,0,NULL,1);
INSERT INTO records VALUES(133,11,'spf.odd.example','SPF','"v=spf1 -all"',3600,0,0,NULL,1);
INSERT INTO records VALUES(134,11,'ns-two.odd.example','NS','ns1.example.com ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(135,11,'ns-empty.odd.example','NS','',3600,0,0,NULL,1);
INSERT INTO records VALUES(136,11,'null-content.odd.example','A',NULL,3600,0,0,NULL,1);
INSERT INTO records VALUES(137,11,'no-type.odd.example','FOO','bar',3600,0,0,NULL,1);
INSERT INTO records VALUES(138,11,'any.odd.example','ANY','192.0.2.1',3600,0,0,NULL,1);
INSERT INTO records VALUES(139,11,'lower.odd.example','a','192.0.2.39',3600,0,0,NULL,1);
INSERT INTO records VALUES(140,11,'blanks.odd.example','A',' 192.0.2.40 ',3600,0,0,NULL,1);
INSERT INTO records VALUES(141,11,'loc.odd.example','LOC','somewhere',3600,0,0,NULL,1);
INSERT INTO records VALUES(142,11,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.odd.example','A','192.0.2.41',3600,0,0,NULL,1);
INSERT INTO records VALUES(143,11,'dotted.odd.example','CNAME','www.example.com.',3600,0,0,NULL,1);
INSERT INTO records VALUES(144,11,'mboxfw.odd.example','MBOXFW','someone@example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(145,11,'alias-bad.odd.example','ALIAS','two words',3600,0,0,NULL,1);
INSERT INTO records VALUES(146,11,'disabled-bad.odd.example','A','kept as it is',3600,0,1,NULL,1);
INSERT INTO records VALUES(147,11,'soa-below.odd.example','SOA','ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(148,11,'www.elsewhere.example','A','192.0.2.42',3600,0,0,NULL,1);
INSERT INTO records VALUES(149,11,'notodd.example','A','192.0.2.43',3600,0,0,NULL,1);
INSERT INTO records VALUES(150,11,NULL,'A','192.0.2.44',3600,0,0,NULL,1);
INSERT INTO records VALUES(151,NULL,'www.nowhere.example','A','192.0.2.45',3600,0,0,NULL,1);
INSERT INTO records VALUES(152,4711,'www.gone.example','A','192.0.2.46',3600,0,0,NULL,1);
INSERT INTO records VALUES(153,12,'nosoa.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(154,12,'www.nosoa.example','A','192.0.2.50',3600,0,0,NULL,1);
INSERT INTO records VALUES(155,13,'twosoa.example','SOA','ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(156,13,'twosoa.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(157,13,'twosoa.example','NS','ns2.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(158,13,'twosoa.example','SOA','ns1.example.com hostmaster.example.com 2 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(159,13,'www.twosoa.example','A','192.0.2.51',3600,0,0,NULL,1);
INSERT INTO records VALUES(160,14,'off.example','SOA','ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600',3600,0,1,NULL,1);
INSERT INTO records VALUES(161,14,'off.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(162,14,'www.off.example','A','192.0.2.52',3600,0,0,NULL,1);
INSERT INTO records VALUES(163,16,'oldsoa.example','SOA','ns1.example.com host.master@example.com 5',3600,0,0,NULL,1);
INSERT INTO records VALUES(164,16,'oldsoa.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(165,17,'www.badlabel..example','A','192.0.2.55',3600,0,0,NULL,1);
INSERT INTO records VALUES(166,18,'kind.example','SOA','ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600',3600,0,0,NULL,1);
INSERT INTO records VALUES(167,18,'kind.example','NS','ns1.example.com',3600,0,0,NULL,1);
INSERT INTO records VALUES(168,18,'kind.example','NS','ns2.example.com',3600,0,0,NULL,1);
CREATE TABLE supermasters (
  ip                    VARCHAR(64) NOT NULL,
  nameserver            VARCHAR(255) NOT NULL COLLATE NOCASE,
  account               VARCHAR(40) NOT NULL
);
INSERT INTO supermasters VALUES('192.0.2.53','ns1.hoster.example','panel');
INSERT INTO supermasters VALUES('2001:db8::53','ns2.hoster.example','');
CREATE TABLE comments (
  id                    INTEGER PRIMARY KEY,
  domain_id             INTEGER NOT NULL,
  name                  VARCHAR(255) NOT NULL,
  type                  VARCHAR(10) NOT NULL,
  modified_at           INT NOT NULL,
  account               VARCHAR(40) DEFAULT NULL,
  comment               VARCHAR(65535) NOT NULL,
  FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO comments VALUES(1,1,'www.example.com','CNAME',1700000000,'admin',replace('first line\nsecond line, a	tab and a \ backslash','\n',char(10)));
CREATE TABLE domainmetadata (
 id                     INTEGER PRIMARY KEY,
 domain_id              INT NOT NULL,
 kind                   VARCHAR(32) COLLATE NOCASE,
 content                TEXT,
 FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO domainmetadata VALUES(1,1,'SOA-EDIT-API','DEFAULT');
INSERT INTO domainmetadata VALUES(2,1,'ALLOW-AXFR-FROM','192.0.2.0/24');
INSERT INTO domainmetadata VALUES(3,1,'ALLOW-AXFR-FROM','2001:db8::/32');
INSERT INTO domainmetadata VALUES(4,1,'X-CUSTOMER','tab	here, backslash \ here');
INSERT INTO domainmetadata VALUES(5,2,'ALSO-NOTIFY','192.0.2.200:5300');
INSERT INTO domainmetadata VALUES(6,2,'TSIG-ALLOW-AXFR','transfer-key');
INSERT INTO domainmetadata VALUES(7,3,'AXFR-MASTER-TSIG','transfer-key');
INSERT INTO domainmetadata VALUES(8,10,'PRESIGNED','1');
INSERT INTO domainmetadata VALUES(9,11,NULL,'without a kind');
INSERT INTO domainmetadata VALUES(10,4711,'SOA-EDIT-API','DEFAULT');
CREATE TABLE cryptokeys (
 id                     INTEGER PRIMARY KEY,
 domain_id              INT NOT NULL,
 flags                  INT NOT NULL,
 active                 BOOL,
 published              BOOL DEFAULT 1,
 content                TEXT,
 FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO cryptokeys VALUES(1,8,257,1,1,replace('Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=\n','\n',char(10)));
INSERT INTO cryptokeys VALUES(2,9,257,0,0,replace('Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=\n','\n',char(10)));
CREATE TABLE tsigkeys (
 id                     INTEGER PRIMARY KEY,
 name                   VARCHAR(255) COLLATE NOCASE,
 algorithm              VARCHAR(50) COLLATE NOCASE,
 secret                 VARCHAR(255)
);
INSERT INTO tsigkeys VALUES(1,'transfer-key','hmac-sha256','kp4/24gyYsEzbuTVJRUMoqGFmN3LYgVDzJ/3oRSP7ys=');
INSERT INTO tsigkeys VALUES(2,'half-key','hmac-sha256',NULL);
CREATE UNIQUE INDEX name_index ON domains(name);
CREATE INDEX catalog_idx ON domains(catalog);
CREATE INDEX records_lookup_idx ON records(name, type);
CREATE INDEX records_lookup_id_idx ON records(domain_id, name, type);
CREATE INDEX records_order_idx ON records(domain_id, ordername);
CREATE UNIQUE INDEX ip_nameserver_pk ON supermasters(ip, nameserver);
CREATE INDEX comments_idx ON comments(domain_id, name, type);
CREATE INDEX comments_order_idx ON comments (domain_id, modified_at);
CREATE INDEX domainmetaidindex ON domainmetadata(domain_id);
CREATE INDEX domainidindex ON cryptokeys(domain_id);
CREATE UNIQUE INDEX namealgoindex ON tsigkeys(name, algorithm);
COMMIT;
