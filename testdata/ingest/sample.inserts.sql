--
-- PostgreSQL database dump
--

\restrict hqV0kR6mRLNQalMoCX9e1VjVufxdQo5aQ7poIlPUgzl1eX9ofN7fyrGNWOh0OvY

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: comments; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.comments (
    id integer NOT NULL,
    domain_id integer NOT NULL,
    name character varying(255) NOT NULL,
    type character varying(10) NOT NULL,
    modified_at integer NOT NULL,
    account character varying(40) DEFAULT NULL::character varying,
    comment character varying(65535) NOT NULL,
    CONSTRAINT c_lowercase_name CHECK (((name)::text = lower((name)::text)))
);


ALTER TABLE public.comments OWNER TO postgres;

--
-- Name: comments_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.comments_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.comments_id_seq OWNER TO postgres;

--
-- Name: comments_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.comments_id_seq OWNED BY public.comments.id;


--
-- Name: cryptokeys; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.cryptokeys (
    id integer NOT NULL,
    domain_id integer,
    flags integer NOT NULL,
    active boolean,
    published boolean DEFAULT true,
    content text
);


ALTER TABLE public.cryptokeys OWNER TO postgres;

--
-- Name: cryptokeys_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.cryptokeys_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.cryptokeys_id_seq OWNER TO postgres;

--
-- Name: cryptokeys_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.cryptokeys_id_seq OWNED BY public.cryptokeys.id;


--
-- Name: domainmetadata; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.domainmetadata (
    id integer NOT NULL,
    domain_id integer,
    kind character varying(32),
    content text
);


ALTER TABLE public.domainmetadata OWNER TO postgres;

--
-- Name: domainmetadata_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.domainmetadata_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.domainmetadata_id_seq OWNER TO postgres;

--
-- Name: domainmetadata_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.domainmetadata_id_seq OWNED BY public.domainmetadata.id;


--
-- Name: domains; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.domains (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    master character varying(128) DEFAULT NULL::character varying,
    last_check integer,
    type text NOT NULL,
    notified_serial bigint,
    account character varying(40) DEFAULT NULL::character varying,
    options text,
    catalog text,
    CONSTRAINT c_lowercase_name CHECK (((name)::text = lower((name)::text)))
);


ALTER TABLE public.domains OWNER TO postgres;

--
-- Name: domains_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.domains_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.domains_id_seq OWNER TO postgres;

--
-- Name: domains_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.domains_id_seq OWNED BY public.domains.id;


--
-- Name: records; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.records (
    id bigint NOT NULL,
    domain_id integer,
    name character varying(255) DEFAULT NULL::character varying,
    type character varying(10) DEFAULT NULL::character varying,
    content character varying(65535) DEFAULT NULL::character varying,
    ttl integer,
    prio integer,
    disabled boolean DEFAULT false,
    ordername character varying(255),
    auth boolean DEFAULT true,
    CONSTRAINT c_lowercase_name CHECK (((name)::text = lower((name)::text)))
);


ALTER TABLE public.records OWNER TO postgres;

--
-- Name: records_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.records_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.records_id_seq OWNER TO postgres;

--
-- Name: records_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.records_id_seq OWNED BY public.records.id;


--
-- Name: supermasters; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.supermasters (
    ip inet NOT NULL,
    nameserver character varying(255) NOT NULL,
    account character varying(40) NOT NULL
);


ALTER TABLE public.supermasters OWNER TO postgres;

--
-- Name: tsigkeys; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.tsigkeys (
    id integer NOT NULL,
    name character varying(255),
    algorithm character varying(50),
    secret character varying(255),
    CONSTRAINT c_lowercase_name CHECK (((name)::text = lower((name)::text)))
);


ALTER TABLE public.tsigkeys OWNER TO postgres;

--
-- Name: tsigkeys_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.tsigkeys_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.tsigkeys_id_seq OWNER TO postgres;

--
-- Name: tsigkeys_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.tsigkeys_id_seq OWNED BY public.tsigkeys.id;


--
-- Name: comments id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.comments ALTER COLUMN id SET DEFAULT nextval('public.comments_id_seq'::regclass);


--
-- Name: cryptokeys id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.cryptokeys ALTER COLUMN id SET DEFAULT nextval('public.cryptokeys_id_seq'::regclass);


--
-- Name: domainmetadata id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.domainmetadata ALTER COLUMN id SET DEFAULT nextval('public.domainmetadata_id_seq'::regclass);


--
-- Name: domains id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.domains ALTER COLUMN id SET DEFAULT nextval('public.domains_id_seq'::regclass);


--
-- Name: records id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.records ALTER COLUMN id SET DEFAULT nextval('public.records_id_seq'::regclass);


--
-- Name: tsigkeys id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.tsigkeys ALTER COLUMN id SET DEFAULT nextval('public.tsigkeys_id_seq'::regclass);


--
-- Data for Name: comments; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.comments VALUES (1, 1, 'www.example.com', 'CNAME', 1700000000, 'admin', 'first line
second line, a	tab and a \ backslash');


--
-- Data for Name: cryptokeys; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.cryptokeys VALUES (1, 8, 257, true, true, 'Private-key-format: v1.2
Algorithm: 13 (ECDSAP256SHA256)
PrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=
');
INSERT INTO public.cryptokeys VALUES (2, 9, 257, false, false, 'Private-key-format: v1.2
Algorithm: 13 (ECDSAP256SHA256)
PrivateKey: inwNTuSeDQ4VzdktDiWsTqkMVGQt+49ALRzqn9Ht050=
');


--
-- Data for Name: domainmetadata; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.domainmetadata VALUES (1, 1, 'SOA-EDIT-API', 'DEFAULT');
INSERT INTO public.domainmetadata VALUES (2, 1, 'ALLOW-AXFR-FROM', '192.0.2.0/24');
INSERT INTO public.domainmetadata VALUES (3, 1, 'ALLOW-AXFR-FROM', '2001:db8::/32');
INSERT INTO public.domainmetadata VALUES (4, 1, 'X-CUSTOMER', 'tab	here, backslash \ here');
INSERT INTO public.domainmetadata VALUES (5, 2, 'ALSO-NOTIFY', '192.0.2.200:5300');
INSERT INTO public.domainmetadata VALUES (6, 2, 'TSIG-ALLOW-AXFR', 'transfer-key');
INSERT INTO public.domainmetadata VALUES (7, 3, 'AXFR-MASTER-TSIG', 'transfer-key');
INSERT INTO public.domainmetadata VALUES (8, 10, 'PRESIGNED', '1');
INSERT INTO public.domainmetadata VALUES (9, 11, NULL, 'without a kind');
INSERT INTO public.domainmetadata VALUES (10, 4711, 'SOA-EDIT-API', 'DEFAULT');


--
-- Data for Name: domains; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.domains VALUES (1, 'example.com', NULL, NULL, 'NATIVE', NULL, 'admin', NULL, NULL);
INSERT INTO public.domains VALUES (2, 'example.net', NULL, NULL, 'MASTER', 2026010100, '', NULL, NULL);
INSERT INTO public.domains VALUES (3, 'example.org', '192.0.2.100, [2001:db8::100]:5300', 1767225600, 'SLAVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (4, 'catalog.example', NULL, NULL, 'PRODUCER', NULL, NULL, '{"producer": {}}', NULL);
INSERT INTO public.domains VALUES (5, 'member.example', NULL, NULL, 'NATIVE', NULL, NULL, '{"producer":{"group":["one"],"unique":"abc"}}', 'catalog.example');
INSERT INTO public.domains VALUES (6, '2.0.192.in-addr.arpa', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (7, '128/25.2.0.192.in-addr.arpa', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (8, 'signed.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (9, 'keyed.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (10, 'presigned.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (11, 'odd.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (12, 'nosoa.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (13, 'twosoa.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (14, 'off.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (15, 'empty.example', '192.0.2.100', NULL, 'SLAVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (16, 'oldsoa.example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (17, 'badlabel..example', NULL, NULL, 'NATIVE', NULL, NULL, NULL, NULL);
INSERT INTO public.domains VALUES (18, 'kind.example', NULL, NULL, 'SOMETHING', 99999999999, NULL, NULL, NULL);


--
-- Data for Name: records; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.records VALUES (1, 1, 'example.com', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (2, 1, 'example.com', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (3, 1, 'example.com', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (4, 1, 'ns1.example.com', 'A', '192.0.2.1', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (5, 1, 'ns1.example.com', 'AAAA', '2001:db8::1', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (6, 1, 'ns2.example.com', 'A', '192.0.2.2', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (7, 1, 'ns2.example.com', 'AAAA', '2001:db8::2', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (8, 1, 'example.com', 'A', '192.0.2.10', 300, 0, false, NULL, true);
INSERT INTO public.records VALUES (9, 1, 'example.com', 'AAAA', '2001:db8::10', 300, 0, false, NULL, true);
INSERT INTO public.records VALUES (10, 1, 'www.example.com', 'CNAME', 'example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (11, 1, 'example.com', 'MX', 'mail.example.com', 3600, 10, false, NULL, true);
INSERT INTO public.records VALUES (12, 1, 'example.com', 'MX', 'mail2.example.net.', 3600, 20, false, NULL, true);
INSERT INTO public.records VALUES (13, 1, 'mail.example.com', 'A', '192.0.2.25', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (14, 1, 'example.com', 'TXT', '"v=spf1 mx -all"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (15, 1, 'example.com', 'TXT', '"two" "strings; with a \"quote\""', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (16, 1, '*.apps.example.com', 'A', '192.0.2.80', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (17, 1, '_sip._tcp.example.com', 'SRV', '5 5060 sip.example.com', 3600, 10, false, NULL, true);
INSERT INTO public.records VALUES (18, 1, 'example.com', 'CAA', '0 issue "ca.example.net"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (19, 1, 'example.com', 'HTTPS', '1 . alpn=h2,h3 ipv4hint=192.0.2.10', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (20, 1, 'sip.example.com', 'NAPTR', '100 10 "s" "SIP+D2U" "" _sip._udp.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (21, 1, '_443._tcp.www2.example.com', 'TLSA', '3 1 1 abababababababababababababababababababababababababababababababab', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (22, 1, 'host.example.com', 'SSHFP', '4 2 cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (23, 1, 'example.com', 'LOC', '50 5 12.000 N 14 25 30.000 E 200m 10m 100m 10m', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (24, 1, 'old.example.com', 'DNAME', 'example.net', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (25, 1, 'type.example.com', 'TYPE65280', '\# 4 00010203', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (26, 1, 'first\.last.example.com', 'MX', 'mail.example.com', 3600, 10, false, NULL, true);
INSERT INTO public.records VALUES (27, 1, 'my\032printer.example.com', 'A', '192.0.2.99', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (28, 1, 'a.b.c.example.com', 'TXT', '"below empty non-terminals"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (29, 1, 'b.c.example.com', NULL, NULL, NULL, NULL, false, NULL, true);
INSERT INTO public.records VALUES (30, 1, 'c.example.com', NULL, NULL, NULL, NULL, false, NULL, true);
INSERT INTO public.records VALUES (31, 1, 'sub.example.com', 'NS', 'ns1.sub.example.com', 3600, 0, false, NULL, false);
INSERT INTO public.records VALUES (32, 1, 'sub.example.com', 'NS', 'ns2.example.net', 3600, 0, false, NULL, false);
INSERT INTO public.records VALUES (33, 1, 'ns1.sub.example.com', 'A', '192.0.2.53', 3600, 0, false, NULL, false);
INSERT INTO public.records VALUES (34, 1, 'sub.example.com', 'DS', '12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (35, 1, 'alias.example.com', 'ALIAS', 'www.example.net', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (36, 1, 'lua.example.com', 'LUA', 'A "ifportup(443, {''192.0.2.1'', ''192.0.2.2''})"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (37, 1, 'url.example.com', 'URL', 'https://www.example.net/', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (38, 1, 'off.example.com', 'A', '192.0.2.77', 3600, 0, true, NULL, true);
INSERT INTO public.records VALUES (39, 1, 'example.com', 'MX', 'mail9.example.com', 3600, 50, true, NULL, true);
INSERT INTO public.records VALUES (40, 2, 'example.net', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (41, 2, 'example.net', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (42, 2, 'example.net', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (43, 2, 'www.example.net', 'CNAME', 'www.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (44, 2, 'mail2.example.net', 'A', '192.0.2.26', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (45, 2, 'ns2.example.net', 'A', '192.0.2.54', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (46, 3, 'example.org', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (47, 3, 'example.org', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (48, 3, 'example.org', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (49, 3, 'www.example.org', 'A', '192.0.2.110', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (50, 4, 'catalog.example', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (51, 4, 'catalog.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (52, 4, 'catalog.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (53, 5, 'member.example', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (54, 5, 'member.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (55, 5, 'member.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (56, 6, '2.0.192.in-addr.arpa', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (57, 6, '2.0.192.in-addr.arpa', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (58, 6, '2.0.192.in-addr.arpa', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (59, 6, '10.2.0.192.in-addr.arpa', 'PTR', 'example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (60, 6, '25.2.0.192.in-addr.arpa', 'PTR', 'mail.example.com.', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (61, 6, '128.2.0.192.in-addr.arpa', 'CNAME', '128.128/25.2.0.192.in-addr.arpa', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (62, 6, '128/25.2.0.192.in-addr.arpa', 'NS', 'ns1.example.com', 3600, 0, false, NULL, false);
INSERT INTO public.records VALUES (63, 7, '128/25.2.0.192.in-addr.arpa', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (64, 7, '128/25.2.0.192.in-addr.arpa', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (65, 7, '128/25.2.0.192.in-addr.arpa', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (66, 7, '128.128/25.2.0.192.in-addr.arpa', 'PTR', 'host128.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (67, 8, 'signed.example', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (68, 8, 'signed.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (69, 8, 'signed.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (70, 8, 'www.signed.example', 'A', '192.0.2.60', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (71, 9, 'keyed.example', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (72, 9, 'keyed.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (73, 9, 'keyed.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (74, 10, 'presigned.example', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (75, 10, 'presigned.example', 'RRSIG', 'SOA 13 2 3600 20460101000000 20260101000000 5956 presigned.example. U9B5H0hqAz6dj+0p1MzHbXwfiWXb+52Pen1WSZ0+jyDRuj7MD+wGVPSwMBx1/NZdgND4DLWkhjafrWiDjVnz3A==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (76, 10, 'presigned.example', 'A', '192.0.2.90', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (77, 10, 'presigned.example', 'RRSIG', 'A 13 2 3600 20460101000000 20260101000000 5956 presigned.example. 601I6bBTdL/zKbTRzGgJodBNy4ZJwxQJYhHvAgrq4qwUmbIdDEjjU+s6OUD3eJanuJuyhq9Onew9Lpw5q58vFQ==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (78, 10, 'presigned.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (79, 10, 'presigned.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (80, 10, 'presigned.example', 'RRSIG', 'NS 13 2 3600 20460101000000 20260101000000 5956 presigned.example. Xyn8EvNPO730I9ckha6vjiolEPnU1+9zouupDCSMrAdBm6qlRj2cIITW2OmogLY3xr/VXVwml7QIRTjwcr+9AQ==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (81, 10, 'presigned.example', 'DNSKEY', '257 3 13 4UjyOzmqNS9ODd6zNgbf66YKgOJA2Ecp7lJC2rfRJUZ2K/sG2K/75rG32xo7AR+WMX8dDTjazhpqmYH0PLok9A==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (82, 10, 'presigned.example', 'RRSIG', 'DNSKEY 13 2 3600 20460101000000 20260101000000 5956 presigned.example. mzW6yK2rAEe23PkbDX8DaUJ3kt6P5pTTigr+hs3JIclUN2n7KGWnOfh0iz6r0bpFw/E0huEiD7H/zo8mWh4mUA==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (83, 10, 'presigned.example', 'NSEC', '*.wild.presigned.example. A NS SOA RRSIG NSEC DNSKEY', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (84, 10, 'presigned.example', 'RRSIG', 'NSEC 13 2 3600 20460101000000 20260101000000 5956 presigned.example. HE0OqN5JtGe7cStPMUgPyKiLsHi8HYaljnx228t0ZEo8+MqXa+yqvQ7zLeX7n6RWCw7AC0wGLXjqr+ZrOZbAxA==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (85, 10, '*.wild.presigned.example', 'TXT', '"signed wildcard"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (86, 10, '*.wild.presigned.example', 'RRSIG', 'TXT 13 3 3600 20460101000000 20260101000000 5956 presigned.example. K4gwElmm37ztUhqycrXicTSrstNSAjZCaefoc905pcRzOKIpghFdL784Y21RBhFL83TrH3f0QryVnRDhTmK2mg==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (87, 10, '*.wild.presigned.example', 'NSEC', 'www.presigned.example. TXT RRSIG NSEC', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (88, 10, '*.wild.presigned.example', 'RRSIG', 'NSEC 13 3 3600 20460101000000 20260101000000 5956 presigned.example. /ECnyxL5Uhqh4ZOsqMPb9n3z2MRq2dlqpGS6axKWLdYtUuDj2jw5OsBwD41QbgvhTwqL2Rv0brgJxN6+hTDL6w==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (89, 10, 'www.presigned.example', 'A', '192.0.2.91', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (90, 10, 'www.presigned.example', 'RRSIG', 'A 13 3 3600 20460101000000 20260101000000 5956 presigned.example. 3dQ3APpA4BqT5JzEKM83BwrtBvsPqIzbpKPbyvUYmdBei+EAYQ9HrwZshgsemJvRO3fNh270avpFmnNqdUeUpw==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (91, 10, 'www.presigned.example', 'NSEC', 'presigned.example. A RRSIG NSEC', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (92, 10, 'www.presigned.example', 'RRSIG', 'NSEC 13 3 3600 20460101000000 20260101000000 5956 presigned.example. kX33/URoXXn3Uwfq6qJJK+4TXMI5W04QNa5TiQZbfTNCrFOQwAbgjSqojFwcO0FHw4lcDz6dHYL/YpyVTNM6UQ==', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (93, 11, 'odd.example', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (94, 11, 'odd.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (95, 11, 'odd.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (96, 11, 'mail.odd.example', 'A', '192.0.2.25', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (97, 11, 'mx-null.odd.example', 'MX', 'mail.odd.example', 3600, NULL, false, NULL, true);
INSERT INTO public.records VALUES (98, 11, 'mx-inline.odd.example', 'MX', '20 mail.odd.example', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (99, 11, 'mx-large.odd.example', 'MX', 'mail.odd.example', 3600, 70000, false, NULL, true);
INSERT INTO public.records VALUES (100, 11, 'srv-null.odd.example', 'SRV', '5 5060 mail.odd.example', 3600, NULL, false, NULL, true);
INSERT INTO public.records VALUES (101, 11, 'srv-inline.odd.example', 'SRV', '7 5 5060 mail.odd.example', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (102, 11, 'srv-short.odd.example', 'SRV', '5060 mail.odd.example', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (103, 11, 'a-text.odd.example', 'A', 'not-an-address', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (104, 11, 'a-256.odd.example', 'A', '192.0.2.256', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (105, 11, 'aaaa-v4.odd.example', 'AAAA', '192.0.2.1', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (106, 11, 'both.odd.example', 'CNAME', 'mail.odd.example', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (107, 11, 'both.odd.example', 'A', '192.0.2.30', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (108, 11, 'both.odd.example', 'TXT', '"beside a CNAME"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (109, 11, 'two-cnames.odd.example', 'CNAME', 'www.example.net', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (110, 11, 'two-cnames.odd.example', 'CNAME', 'www.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (111, 11, 'two-dnames.odd.example', 'DNAME', 'example.net', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (112, 11, 'two-dnames.odd.example', 'DNAME', 'example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (113, 11, 'odd.example', 'CNAME', 'www.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (114, 11, 'twice.odd.example', 'A', '192.0.2.31', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (115, 11, 'twice.odd.example', 'A', '192.0.2.31', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (116, 11, 'twice-case.odd.example', 'MX', 'mail.odd.example', 3600, 5, false, NULL, true);
INSERT INTO public.records VALUES (117, 11, 'twice-case.odd.example', 'MX', 'MAIL.odd.example.', 3600, 5, false, NULL, true);
INSERT INTO public.records VALUES (118, 11, 'no-auth.odd.example', 'A', '192.0.2.32', 3600, 0, false, NULL, false);
INSERT INTO public.records VALUES (119, 11, 'null-auth.odd.example', 'A', '192.0.2.33', 3600, 0, false, NULL, NULL);
INSERT INTO public.records VALUES (120, 11, 'ttls.odd.example', 'A', '192.0.2.34', 600, 0, false, NULL, true);
INSERT INTO public.records VALUES (121, 11, 'ttls.odd.example', 'A', '192.0.2.35', 60, 0, false, NULL, true);
INSERT INTO public.records VALUES (122, 11, 'ttl-null.odd.example', 'A', '192.0.2.36', NULL, 0, false, NULL, true);
INSERT INTO public.records VALUES (123, 11, 'ttl-negative.odd.example', 'A', '192.0.2.37', -1, 0, false, NULL, true);
INSERT INTO public.records VALUES (124, 11, 'ttl-zero.odd.example', 'A', '192.0.2.38', 0, 0, false, NULL, true);
INSERT INTO public.records VALUES (125, 11, 'txt-bare.odd.example', 'TXT', 'v=spf1 include:example.net -all', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (126, 11, 'txt-long.odd.example', 'TXT', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (127, 11, 'txt-long-quoted.odd.example', 'TXT', '"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (128, 11, 'txt-utf8.odd.example', 'TXT', '"grüße"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (129, 11, 'txt-ddd.odd.example', 'TXT', '"\226\130\172 \\ \""', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (130, 11, 'txt-empty.odd.example', 'TXT', '""', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (131, 11, 'txt-open.odd.example', 'TXT', '"no end', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (132, 11, 'txt-after.odd.example', 'TXT', '"one" two', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (133, 11, 'spf.odd.example', 'SPF', '"v=spf1 -all"', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (134, 11, 'ns-two.odd.example', 'NS', 'ns1.example.com ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (135, 11, 'ns-empty.odd.example', 'NS', '', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (136, 11, 'null-content.odd.example', 'A', NULL, 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (137, 11, 'no-type.odd.example', 'FOO', 'bar', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (138, 11, 'any.odd.example', 'ANY', '192.0.2.1', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (139, 11, 'lower.odd.example', 'a', '192.0.2.39', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (140, 11, 'blanks.odd.example', 'A', ' 192.0.2.40 ', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (141, 11, 'loc.odd.example', 'LOC', 'somewhere', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (142, 11, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.odd.example', 'A', '192.0.2.41', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (143, 11, 'dotted.odd.example', 'CNAME', 'www.example.com.', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (144, 11, 'mboxfw.odd.example', 'MBOXFW', 'someone@example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (145, 11, 'alias-bad.odd.example', 'ALIAS', 'two words', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (146, 11, 'disabled-bad.odd.example', 'A', 'kept as it is', 3600, 0, true, NULL, true);
INSERT INTO public.records VALUES (147, 11, 'soa-below.odd.example', 'SOA', 'ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (148, 11, 'www.elsewhere.example', 'A', '192.0.2.42', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (149, 11, 'notodd.example', 'A', '192.0.2.43', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (150, 11, NULL, 'A', '192.0.2.44', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (151, NULL, 'www.nowhere.example', 'A', '192.0.2.45', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (152, 4711, 'www.gone.example', 'A', '192.0.2.46', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (153, 12, 'nosoa.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (154, 12, 'www.nosoa.example', 'A', '192.0.2.50', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (155, 13, 'twosoa.example', 'SOA', 'ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (156, 13, 'twosoa.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (157, 13, 'twosoa.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (158, 13, 'twosoa.example', 'SOA', 'ns1.example.com hostmaster.example.com 2 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (159, 13, 'www.twosoa.example', 'A', '192.0.2.51', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (160, 14, 'off.example', 'SOA', 'ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600', 3600, 0, true, NULL, true);
INSERT INTO public.records VALUES (161, 14, 'off.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (162, 14, 'www.off.example', 'A', '192.0.2.52', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (163, 16, 'oldsoa.example', 'SOA', 'ns1.example.com host.master@example.com 5', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (164, 16, 'oldsoa.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (165, 17, 'www.badlabel..example', 'A', '192.0.2.55', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (166, 18, 'kind.example', 'SOA', 'ns1.example.com hostmaster.example.com 2026010101 10800 3600 604800 3600', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (167, 18, 'kind.example', 'NS', 'ns1.example.com', 3600, 0, false, NULL, true);
INSERT INTO public.records VALUES (168, 18, 'kind.example', 'NS', 'ns2.example.com', 3600, 0, false, NULL, true);


--
-- Data for Name: supermasters; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.supermasters VALUES ('192.0.2.53', 'ns1.hoster.example', 'panel');
INSERT INTO public.supermasters VALUES ('2001:db8::53', 'ns2.hoster.example', '');


--
-- Data for Name: tsigkeys; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.tsigkeys VALUES (1, 'transfer-key', 'hmac-sha256', 'kp4/24gyYsEzbuTVJRUMoqGFmN3LYgVDzJ/3oRSP7ys=');
INSERT INTO public.tsigkeys VALUES (2, 'half-key', 'hmac-sha256', NULL);


--
-- Name: comments_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.comments_id_seq', 1, false);


--
-- Name: cryptokeys_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.cryptokeys_id_seq', 1, false);


--
-- Name: domainmetadata_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.domainmetadata_id_seq', 1, false);


--
-- Name: domains_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.domains_id_seq', 1, false);


--
-- Name: records_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.records_id_seq', 1, false);


--
-- Name: tsigkeys_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.tsigkeys_id_seq', 1, false);


--
-- Name: comments comments_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.comments
    ADD CONSTRAINT comments_pkey PRIMARY KEY (id);


--
-- Name: cryptokeys cryptokeys_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.cryptokeys
    ADD CONSTRAINT cryptokeys_pkey PRIMARY KEY (id);


--
-- Name: domainmetadata domainmetadata_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.domainmetadata
    ADD CONSTRAINT domainmetadata_pkey PRIMARY KEY (id);


--
-- Name: domains domains_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.domains
    ADD CONSTRAINT domains_pkey PRIMARY KEY (id);


--
-- Name: records records_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (id);


--
-- Name: supermasters supermasters_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.supermasters
    ADD CONSTRAINT supermasters_pkey PRIMARY KEY (ip, nameserver);


--
-- Name: tsigkeys tsigkeys_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.tsigkeys
    ADD CONSTRAINT tsigkeys_pkey PRIMARY KEY (id);


--
-- Name: catalog_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX catalog_idx ON public.domains USING btree (catalog);


--
-- Name: comments_domain_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX comments_domain_id_idx ON public.comments USING btree (domain_id);


--
-- Name: comments_name_type_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX comments_name_type_idx ON public.comments USING btree (name, type);


--
-- Name: comments_order_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX comments_order_idx ON public.comments USING btree (domain_id, modified_at);


--
-- Name: domain_id; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX domain_id ON public.records USING btree (domain_id);


--
-- Name: domainidindex; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX domainidindex ON public.cryptokeys USING btree (domain_id);


--
-- Name: domainidmetaindex; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX domainidmetaindex ON public.domainmetadata USING btree (domain_id);


--
-- Name: name_index; Type: INDEX; Schema: public; Owner: postgres
--

CREATE UNIQUE INDEX name_index ON public.domains USING btree (name);


--
-- Name: namealgoindex; Type: INDEX; Schema: public; Owner: postgres
--

CREATE UNIQUE INDEX namealgoindex ON public.tsigkeys USING btree (name, algorithm);


--
-- Name: nametype_index; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX nametype_index ON public.records USING btree (name, type);


--
-- Name: rec_name_index; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX rec_name_index ON public.records USING btree (name);


--
-- Name: recordorder; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX recordorder ON public.records USING btree (domain_id, ordername text_pattern_ops);


--
-- Name: cryptokeys cryptokeys_domain_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.cryptokeys
    ADD CONSTRAINT cryptokeys_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES public.domains(id) ON DELETE CASCADE;


--
-- Name: comments domain_exists; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.comments
    ADD CONSTRAINT domain_exists FOREIGN KEY (domain_id) REFERENCES public.domains(id) ON DELETE CASCADE;


--
-- Name: records domain_exists; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT domain_exists FOREIGN KEY (domain_id) REFERENCES public.domains(id) ON DELETE CASCADE;


--
-- Name: domainmetadata domainmetadata_domain_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.domainmetadata
    ADD CONSTRAINT domainmetadata_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES public.domains(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict hqV0kR6mRLNQalMoCX9e1VjVufxdQo5aQ7poIlPUgzl1eX9ofN7fyrGNWOh0OvY

