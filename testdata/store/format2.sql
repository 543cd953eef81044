--
-- PostgreSQL database dump
--
-- Data only, of zonectl, for PowerDNS's schema 4.7. After restoring it: pdnsutil rectify-all-zones

SET client_encoding = 'SQL_ASCII';
SET standard_conforming_strings = on;

COPY public.domains (id, name, master, last_check, type, notified_serial, account, options, catalog) FROM stdin;
1	twosoa.example	\N	\N	NATIVE	\N	\N	\N	\N
2	member.example	\N	\N	NATIVE	\N	\N	{"producer":{"group":["one"],"unique":"abc"}}	catalog.example
3	kind.example	\N	\N	NATIVE	\N	\N	\N	\N
4	presigned.example	\N	\N	NATIVE	\N	\N	\N	\N
5	example.net	\N	\N	MASTER	2026010100	\N	\N	\N
6	empty.example	192.0.2.100	\N	SLAVE	\N	\N	\N	\N
7	128/25.2.0.192.in-addr.arpa	\N	\N	NATIVE	\N	\N	\N	\N
8	nosoa.example	\N	\N	NATIVE	\N	\N	\N	\N
9	catalog.example	\N	\N	PRODUCER	\N	\N	{"producer": {}}	\N
10	keyed.example	\N	\N	NATIVE	\N	\N	\N	\N
11	example.com	\N	\N	NATIVE	\N	admin	\N	\N
12	off.example	\N	\N	NATIVE	\N	\N	\N	\N
13	2.0.192.in-addr.arpa	\N	\N	NATIVE	\N	\N	\N	\N
14	odd.example	\N	\N	NATIVE	\N	\N	\N	\N
15	example.org	192.0.2.100,[2001:db8::100]:5300	1767225600	SLAVE	\N	\N	\N	\N
16	oldsoa.example	\N	\N	NATIVE	\N	\N	\N	\N
17	signed.example	\N	\N	NATIVE	\N	\N	\N	\N
18	later.example	\N	\N	NATIVE	\N	\N	\N	\N
\.

COPY public.records (id, domain_id, name, type, content, ttl, prio, disabled, ordername, auth) FROM stdin;
1	1	twosoa.example	NS	ns1.example.com	3600	0	f	\N	t
2	1	twosoa.example	NS	ns2.example.com	3600	0	f	\N	t
3	1	twosoa.example	SOA	ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600	3600	0	f	\N	t
4	1	twosoa.example	SOA	ns1.example.com hostmaster.example.com 2 10800 3600 604800 3600	3600	0	f	\N	t
5	1	www.twosoa.example	A	192.0.2.51	3600	0	f	\N	t
6	2	member.example	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
7	2	member.example	NS	ns1.example.com	3600	0	f	\N	t
8	2	member.example	NS	ns2.example.com	3600	0	f	\N	t
9	3	kind.example	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
10	3	kind.example	NS	ns1.example.com	3600	0	f	\N	t
11	3	kind.example	NS	ns2.example.com	3600	0	f	\N	t
12	4	presigned.example	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
13	4	presigned.example	RRSIG	SOA 13 2 3600 20460101000000 20260101000000 5956 presigned.example U9B5H0hqAz6dj+0p1MzHbXwfiWXb+52Pen1WSZ0+jyDRuj7MD+wGVPSwMBx1/NZdgND4DLWkhjafrWiDjVnz3A==	3600	0	f	\N	t
14	4	presigned.example	A	192.0.2.90	3600	0	f	\N	t
15	4	presigned.example	RRSIG	A 13 2 3600 20460101000000 20260101000000 5956 presigned.example 601I6bBTdL/zKbTRzGgJodBNy4ZJwxQJYhHvAgrq4qwUmbIdDEjjU+s6OUD3eJanuJuyhq9Onew9Lpw5q58vFQ==	3600	0	f	\N	t
16	4	presigned.example	NS	ns1.example.com	3600	0	f	\N	t
17	4	presigned.example	NS	ns2.example.com	3600	0	f	\N	t
18	4	presigned.example	RRSIG	NS 13 2 3600 20460101000000 20260101000000 5956 presigned.example Xyn8EvNPO730I9ckha6vjiolEPnU1+9zouupDCSMrAdBm6qlRj2cIITW2OmogLY3xr/VXVwml7QIRTjwcr+9AQ==	3600	0	f	\N	t
19	4	presigned.example	RRSIG	NSEC 13 2 3600 20460101000000 20260101000000 5956 presigned.example HE0OqN5JtGe7cStPMUgPyKiLsHi8HYaljnx228t0ZEo8+MqXa+yqvQ7zLeX7n6RWCw7AC0wGLXjqr+ZrOZbAxA==	3600	0	f	\N	t
20	4	presigned.example	DNSKEY	257 3 13 4UjyOzmqNS9ODd6zNgbf66YKgOJA2Ecp7lJC2rfRJUZ2K/sG2K/75rG32xo7AR+WMX8dDTjazhpqmYH0PLok9A==	3600	0	f	\N	t
21	4	presigned.example	RRSIG	DNSKEY 13 2 3600 20460101000000 20260101000000 5956 presigned.example mzW6yK2rAEe23PkbDX8DaUJ3kt6P5pTTigr+hs3JIclUN2n7KGWnOfh0iz6r0bpFw/E0huEiD7H/zo8mWh4mUA==	3600	0	f	\N	t
22	4	*.wild.presigned.example	TXT	"signed wildcard"	3600	0	f	\N	t
23	4	*.wild.presigned.example	RRSIG	TXT 13 3 3600 20460101000000 20260101000000 5956 presigned.example K4gwElmm37ztUhqycrXicTSrstNSAjZCaefoc905pcRzOKIpghFdL784Y21RBhFL83TrH3f0QryVnRDhTmK2mg==	3600	0	f	\N	t
24	4	*.wild.presigned.example	RRSIG	NSEC 13 3 3600 20460101000000 20260101000000 5956 presigned.example /ECnyxL5Uhqh4ZOsqMPb9n3z2MRq2dlqpGS6axKWLdYtUuDj2jw5OsBwD41QbgvhTwqL2Rv0brgJxN6+hTDL6w==	3600	0	f	\N	t
25	4	www.presigned.example	A	192.0.2.91	3600	0	f	\N	t
26	4	www.presigned.example	RRSIG	A 13 3 3600 20460101000000 20260101000000 5956 presigned.example 3dQ3APpA4BqT5JzEKM83BwrtBvsPqIzbpKPbyvUYmdBei+EAYQ9HrwZshgsemJvRO3fNh270avpFmnNqdUeUpw==	3600	0	f	\N	t
27	4	www.presigned.example	RRSIG	NSEC 13 3 3600 20460101000000 20260101000000 5956 presigned.example kX33/URoXXn3Uwfq6qJJK+4TXMI5W04QNa5TiQZbfTNCrFOQwAbgjSqojFwcO0FHw4lcDz6dHYL/YpyVTNM6UQ==	3600	0	f	\N	t
28	5	example.net	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
29	5	example.net	NS	ns1.example.com	3600	0	f	\N	t
30	5	example.net	NS	ns2.example.com	3600	0	f	\N	t
31	5	mail2.example.net	A	192.0.2.26	3600	0	f	\N	t
32	5	ns2.example.net	A	192.0.2.54	3600	0	f	\N	t
33	5	www.example.net	CNAME	www.example.com	3600	0	f	\N	t
34	7	128/25.2.0.192.in-addr.arpa	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
35	7	128/25.2.0.192.in-addr.arpa	NS	ns1.example.com	3600	0	f	\N	t
36	7	128/25.2.0.192.in-addr.arpa	NS	ns2.example.com	3600	0	f	\N	t
37	7	128.128/25.2.0.192.in-addr.arpa	PTR	host128.example.com	3600	0	f	\N	t
38	8	nosoa.example	NS	ns1.example.com	3600	0	f	\N	t
39	8	www.nosoa.example	A	192.0.2.50	3600	0	f	\N	t
40	9	catalog.example	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
41	9	catalog.example	NS	ns1.example.com	3600	0	f	\N	t
42	9	catalog.example	NS	ns2.example.com	3600	0	f	\N	t
43	10	keyed.example	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
44	10	keyed.example	NS	ns1.example.com	3600	0	f	\N	t
45	10	keyed.example	NS	ns2.example.com	3600	0	f	\N	t
46	11	example.com	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
47	11	example.com	A	192.0.2.10	300	0	f	\N	t
48	11	example.com	NS	ns1.example.com	3600	0	f	\N	t
49	11	example.com	NS	ns2.example.com	3600	0	f	\N	t
50	11	example.com	MX	mail.example.com	3600	10	f	\N	t
51	11	example.com	MX	mail2.example.net	3600	20	f	\N	t
52	11	example.com	TXT	"two" "strings; with a \\"quote\\""	3600	0	f	\N	t
53	11	example.com	TXT	"v=spf1 mx -all"	3600	0	f	\N	t
54	11	example.com	AAAA	2001:db8::10	300	0	f	\N	t
55	11	example.com	LOC	50 5 12.000 N 14 25 30.000 E 200.00m 10.00m 100.00m 10.00m	3600	0	f	\N	t
56	11	example.com	HTTPS	1 . alpn=h2,h3 ipv4hint=192.0.2.10	3600	0	f	\N	t
57	11	example.com	CAA	0 issue "ca.example.net"	3600	0	f	\N	t
58	11	_sip._tcp.example.com	SRV	5 5060 sip.example.com	3600	10	f	\N	t
59	11	*.apps.example.com	A	192.0.2.80	3600	0	f	\N	t
60	11	a.b.c.example.com	TXT	"below empty non-terminals"	3600	0	f	\N	t
61	11	first\\.last.example.com	MX	mail.example.com	3600	10	f	\N	t
62	11	host.example.com	SSHFP	4 2 cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd	3600	0	f	\N	t
63	11	mail.example.com	A	192.0.2.25	3600	0	f	\N	t
64	11	my\\032printer.example.com	A	192.0.2.99	3600	0	f	\N	t
65	11	ns1.example.com	A	192.0.2.1	3600	0	f	\N	t
66	11	ns1.example.com	AAAA	2001:db8::1	3600	0	f	\N	t
67	11	ns2.example.com	A	192.0.2.2	3600	0	f	\N	t
68	11	ns2.example.com	AAAA	2001:db8::2	3600	0	f	\N	t
69	11	old.example.com	DNAME	example.net	3600	0	f	\N	t
70	11	sip.example.com	NAPTR	100 10 "s" "SIP+D2U" "" _sip._udp.example.com	3600	0	f	\N	t
71	11	sub.example.com	NS	ns1.sub.example.com	3600	0	f	\N	f
72	11	sub.example.com	NS	ns2.example.net	3600	0	f	\N	f
73	11	sub.example.com	DS	12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef	3600	0	f	\N	t
74	11	ns1.sub.example.com	A	192.0.2.53	3600	0	f	\N	f
75	11	type.example.com	TYPE65280	\\# 4 00010203	3600	0	f	\N	t
76	11	www.example.com	CNAME	example.com	3600	0	f	\N	t
77	11	_443._tcp.www2.example.com	TLSA	3 1 1 abababababababababababababababababababababababababababababababab	3600	0	f	\N	t
78	11	example.com	MX	mail9.example.com	3600	50	t	\N	t
79	11	off.example.com	A	192.0.2.77	3600	0	t	\N	t
80	11	alias.example.com	ALIAS	www.example.net	3600	0	f	\N	t
81	11	lua.example.com	LUA	A "ifportup(443, {'192.0.2.1', '192.0.2.2'})"	3600	0	f	\N	t
82	11	url.example.com	URL	https://www.example.net/	3600	0	f	\N	t
83	12	off.example	SOA	ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600	3600	0	t	\N	t
84	12	off.example	NS	ns1.example.com	3600	0	f	\N	t
85	12	www.off.example	A	192.0.2.52	3600	0	f	\N	t
86	13	2.0.192.in-addr.arpa	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
87	13	2.0.192.in-addr.arpa	NS	ns1.example.com	3600	0	f	\N	t
88	13	2.0.192.in-addr.arpa	NS	ns2.example.com	3600	0	f	\N	t
89	13	10.2.0.192.in-addr.arpa	PTR	example.com	3600	0	f	\N	t
90	13	128.2.0.192.in-addr.arpa	CNAME	128.128/25.2.0.192.in-addr.arpa	3600	0	f	\N	t
91	13	128/25.2.0.192.in-addr.arpa	NS	ns1.example.com	3600	0	f	\N	f
92	13	25.2.0.192.in-addr.arpa	PTR	mail.example.com	3600	0	f	\N	t
93	14	odd.example	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
94	14	odd.example	NS	ns1.example.com	3600	0	f	\N	t
95	14	odd.example	NS	ns2.example.com	3600	0	f	\N	t
96	14	blanks.odd.example	A	192.0.2.40	3600	0	f	\N	t
97	14	both.odd.example	CNAME	mail.odd.example	3600	0	f	\N	t
98	14	dotted.odd.example	CNAME	www.example.com	3600	0	f	\N	t
99	14	lower.odd.example	A	192.0.2.39	3600	0	f	\N	t
100	14	mail.odd.example	A	192.0.2.25	3600	0	f	\N	t
101	14	no-auth.odd.example	A	192.0.2.32	3600	0	f	\N	t
102	14	null-auth.odd.example	A	192.0.2.33	3600	0	f	\N	t
103	14	spf.odd.example	SPF	"v=spf1 -all"	3600	0	f	\N	t
104	14	ttl-null.odd.example	A	192.0.2.36	3600	0	f	\N	t
105	14	ttl-zero.odd.example	A	192.0.2.38	0	0	f	\N	t
106	14	ttls.odd.example	A	192.0.2.34	60	0	f	\N	t
107	14	ttls.odd.example	A	192.0.2.35	60	0	f	\N	t
108	14	twice.odd.example	A	192.0.2.31	3600	0	f	\N	t
109	14	twice-case.odd.example	MX	mail.odd.example	3600	5	f	\N	t
110	14	two-cnames.odd.example	CNAME	www.example.com	3600	0	f	\N	t
111	14	two-dnames.odd.example	DNAME	example.com	3600	0	f	\N	t
112	14	txt-after.odd.example	TXT	"one" "two"	3600	0	f	\N	t
113	14	txt-bare.odd.example	TXT	"v=spf1 include:example.net -all"	3600	0	f	\N	t
114	14	txt-ddd.odd.example	TXT	"\\226\\130\\172 \\\\ \\""	3600	0	f	\N	t
115	14	txt-empty.odd.example	TXT	""	3600	0	f	\N	t
116	14	txt-long.odd.example	TXT	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"	3600	0	f	\N	t
117	14	txt-long-quoted.odd.example	TXT	"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"	3600	0	f	\N	t
118	14	txt-utf8.odd.example	TXT	"gr\\195\\188\\195\\159e"	3600	0	f	\N	t
119	14	disabled-bad.odd.example	A	kept as it is	3600	0	t	\N	t
120	14	mboxfw.odd.example	MBOXFW	someone@example.com	3600	0	f	\N	t
121	15	example.org	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
122	15	example.org	NS	ns1.example.com	3600	0	f	\N	t
123	15	example.org	NS	ns2.example.com	3600	0	f	\N	t
124	15	www.example.org	A	192.0.2.110	3600	0	f	\N	t
125	16	oldsoa.example	SOA	ns1.example.com host\\.master.example.com 5 10800 3600 604800 3600	3600	0	f	\N	t
126	16	oldsoa.example	NS	ns1.example.com	3600	0	f	\N	t
127	17	signed.example	SOA	ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600	3600	0	f	\N	t
128	17	signed.example	NS	ns1.example.com	3600	0	f	\N	t
129	17	signed.example	NS	ns2.example.com	3600	0	f	\N	t
130	17	www.signed.example	A	192.0.2.60	3600	0	f	\N	t
131	18	later.example	SOA	ns1.later.example host.later.example 5 7200 900 1209600 300	300	0	f	\N	t
132	18	later.example	NS	ns1.later.example	300	0	f	\N	t
133	18	ns1.later.example	A	192.0.2.1	300	0	f	\N	t
\.

COPY public.domainmetadata (id, domain_id, kind, content) FROM stdin;
1	4	PRESIGNED	1
2	5	ALSO-NOTIFY	192.0.2.200:5300
3	5	TSIG-ALLOW-AXFR	transfer-key
4	11	ALLOW-AXFR-FROM	192.0.2.0/24
5	11	ALLOW-AXFR-FROM	2001:db8::/32
6	11	SOA-EDIT-API	DEFAULT
7	11	X-CUSTOMER	tab\there, backslash \\ here
8	15	AXFR-MASTER-TSIG	transfer-key
\.

COPY public.comments (id, domain_id, name, type, modified_at, account, comment) FROM stdin;
1	11	www.example.com	CNAME	1700000000	admin	first line\nsecond line, a\ttab and a \\ backslash
\.

COPY public.cryptokeys (id, domain_id, flags, active, published, content) FROM stdin;
1	10	257	f	f	Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=\n
2	17	257	t	t	Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=\n
\.

COPY public.tsigkeys (id, name, algorithm, secret) FROM stdin;
1	transfer-key	hmac-sha256	kp4/24gyYsEzbuTVJRUMoqGFmN3LYgVDzJ/3oRSP7ys=
\.

COPY public.supermasters (ip, nameserver, account) FROM stdin;
192.0.2.53	ns1.hoster.example	panel
2001:db8::53	ns2.hoster.example	
\.

SELECT pg_catalog.setval('public.domains_id_seq', 18, true);
SELECT pg_catalog.setval('public.records_id_seq', 133, true);
SELECT pg_catalog.setval('public.domainmetadata_id_seq', 8, true);
SELECT pg_catalog.setval('public.comments_id_seq', 1, true);
SELECT pg_catalog.setval('public.cryptokeys_id_seq', 2, true);
SELECT pg_catalog.setval('public.tsigkeys_id_seq', 1, true);

--
-- PostgreSQL database dump complete
--

