// gen_zones - deterministic data set generator for the zonectl bench kit.
//
// Produces a hosting-provider-like mix of DNS zones in three selectable forms:
//   zones    RFC 1035 master files in hashed sub-directories + zone lists for
//            named / Knot DNS / NSD (and the PowerDNS bind backend)
//   pg       COPY text files for the PowerDNS generic PostgreSQL schema (>= 4.7)
//   queries  a dnsperf-format query file
//
// Every zone is a pure function of (seed, index), and refers only to zones with a
// smaller index: the set for --zones 10000 is a prefix of the one for --zones 200000.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using std::string;
using std::string_view;
using std::vector;

// ---------------------------------------------------------------- random numbers
static uint64_t mix64(uint64_t z) {
    z += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
struct Rng {
    uint64_t s;
    explicit Rng(uint64_t seed) : s(mix64(seed)) {}
    uint64_t next() { return mix64(s += 0x9e3779b97f4a7c15ull); }
    uint32_t below(uint32_t n) { return uint32_t((unsigned __int128)next() * n >> 64); }
    uint32_t range(uint32_t a, uint32_t b) { return a + below(b - a + 1); }
    double unit() { return double(next() >> 11) * 0x1p-53; }
    bool chance(double p) { return unit() < p; }
};
template <class T, size_t N>
static const T& pick(Rng& r, const T (&a)[N]) {
    return a[r.below(N)];
}

static uint64_t g_seed = 1;
static uint64_t sub_seed(uint64_t index, uint64_t stream) {
    return mix64(g_seed * 0x100000001b3ull + stream) ^ mix64(index + 0x51ed27 * stream);
}

// ---------------------------------------------------------------- zone names
static const char* const kSyll[] = {
    "ba",  "be",  "bi",   "bo",   "bu",   "ca",   "co",    "da",  "de",   "di",  "do",  "fa",
    "fe",  "fi",  "ga",   "ge",   "go",   "ha",   "he",    "ho",  "ja",   "jo",  "ka",  "ke",
    "ki",  "ko",  "la",   "le",   "li",   "lo",   "lu",    "ma",  "me",   "mi",  "mo",  "mu",
    "na",  "ne",  "ni",   "no",   "pa",   "pe",   "pi",    "po",  "ra",   "re",  "ri",  "ro",
    "ru",  "sa",  "se",   "si",   "so",   "su",   "ta",    "te",  "ti",   "to",  "tu",  "va",
    "ve",  "vi",  "vo",   "wa",   "we",   "ya",   "za",    "zo",  "ber",  "ten", "ler", "man",
    "ner", "ton", "bach", "feld", "wood", "land", "stein", "mar", "ster", "x"};
static const char* const kWord[] = {
    "shop",         "online",     "web",       "tech",        "digital",    "media",
    "design",       "studio",     "auto",      "garden",      "hotel",      "travel",
    "immobilien",   "consulting", "solutions", "photography", "restaurant", "dental",
    "services",     "group",      "energy",    "fitness",     "wedding",    "architektur",
    "versicherung", "transport",  "academy",   "cloud",       "market",     "news"};
struct Tld {
    const char* name;
    int weight;
};
static const Tld kTld[] = {
    {"com", 400},   {"de", 110},    {"net", 60},        {"org", 60},     {"nl", 40},
    {"fr", 30},     {"it", 25},     {"pl", 22},         {"cz", 18},      {"ru", 18},
    {"eu", 20},     {"ch", 16},     {"at", 14},         {"co.uk", 30},   {"org.uk", 4},
    {"com.br", 15}, {"com.au", 12}, {"io", 8},          {"info", 18},    {"biz", 6},
    {"be", 10},     {"se", 10},     {"dk", 8},          {"es", 10},      {"us", 5},
    {"in", 6},      {"co.jp", 4},   {"shop", 8},        {"online", 8},   {"xyz", 8},
    {"site", 5},    {"app", 4},     {"dev", 4},         {"cloud", 3},    {"store", 3},
    {"club", 2},    {"agency", 2},  {"photography", 1}, {"xn--p1ai", 3}, {"xn--fiqs8s", 1}};

static string punycode(const vector<uint32_t>& in) {  // RFC 3492
    string out;
    for (uint32_t c : in)
        if (c < 128) out += char(c);
    size_t h = out.size(), b = h;
    if (b) out += '-';
    uint32_t n = 128, delta = 0, bias = 72;
    while (h < in.size()) {
        uint32_t m = ~0u;
        for (uint32_t c : in)
            if (c >= n && c < m) m = c;
        delta += (m - n) * (h + 1);
        n = m;
        for (uint32_t c : in) {
            if (c < n) delta++;
            if (c != n) continue;
            uint32_t q = delta;
            for (uint32_t k = 36;; k += 36) {
                uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
                if (q < t) break;
                uint32_t d = t + (q - t) % (36 - t);
                out += char(d < 26 ? 'a' + d : '0' + d - 26);
                q = (q - t) / (36 - t);
            }
            out += char(q < 26 ? 'a' + q : '0' + q - 26);
            uint32_t dl = h == b ? delta / 700 : delta / 2;
            dl += dl / (h + 1);
            uint32_t k = 0;
            while (dl > 455) {
                dl /= 35;
                k += 36;
            }
            bias = k + 36 * dl / (dl + 38);
            delta = 0;
            h++;
        }
        delta++;
        n++;
    }
    return "xn--" + out;
}

static string word_label(Rng& r) {
    string s;
    double u = r.unit();
    int n = u < .08   ? 2
            : u < .40 ? 3
            : u < .75 ? 4
            : u < .93 ? 5
                      : 6 + int(-std::log(1 - r.unit()) * 2.5);
    if (r.chance(.18)) {
        s += pick(r, kWord);
        if (r.chance(.4)) s += '-';
    }
    for (int i = 0; i < n; i++) s += pick(r, kSyll);
    if (r.chance(.22)) {
        if (r.chance(.4)) s += '-';
        s += pick(r, kWord);
    }
    if (r.chance(.06)) s += std::to_string(r.below(r.chance(.5) ? 100 : 2030));
    if (s.size() > 63) s.resize(63);
    while (s.back() == '-') s.pop_back();
    return s;
}
static string idn_label(Rng& r) {
    vector<uint32_t> u;
    int script = r.below(4);
    if (script == 0) {  // latin with diacritics
        static const uint32_t d[] = {0xe4, 0xf6,  0xfc,  0xe9,  0xe8,
                                     0xe1, 0x159, 0x161, 0x17e, 0x142};
        for (char c : word_label(r)) {
            u.push_back(uint8_t(c));
            if (u.size() > 24) break;
        }
        int k = 1 + r.below(3);
        while (k--) u.insert(u.begin() + r.below(u.size() + 1), pick(r, d));
    } else {
        uint32_t base = script == 1   ? 0x430
                        : script == 2 ? 0x4e00
                                      : 0x627,
                 span = script == 1   ? 32
                        : script == 2 ? 2000
                                      : 28;
        int n = script == 2 ? r.range(3, 6) : r.range(5, 13);
        while (n--) u.push_back(base + r.below(span));
    }
    string s = punycode(u);
    return s.size() <= 63 ? s : s.substr(0, 63);
}

static vector<string> g_names;  // zone names, absolute, no trailing dot

static const char* const kProv[] = {"hoster-dns.net", "parkingdns.com", "resellerns.eu"};
static bool is_reverse(const string& z) {
    return z.size() > 12 && z.compare(z.size() - 12, 12, "in-addr.arpa") == 0;
}

static void make_names(uint32_t n) {
    int total = 0;
    for (auto& t : kTld) total += t.weight;
    std::unordered_set<uint64_t> seen;
    seen.reserve(n * 2);
    g_names.reserve(n);
    std::hash<string> hs;
    static const char* const kSub[] = {"intra", "cloud", "customer", "lab",
                                       "corp",  "k8s",   "eu-west",  "stage"};
    for (uint32_t i = 0; i < n; i++) {
        Rng r(sub_seed(i, 1));
        string z;
        for (;;) {
            double u = r.unit();
            if (i < 3)
                z = kProv[i];
            else if (u < .003) {
                z = std::to_string(r.below(256)) + '.' + std::to_string(r.below(256)) + '.' +
                    std::to_string(r.range(11, 223)) + ".in-addr.arpa";
            } else if (u < .017 && i > 100) {  // a child of another hosted zone, its own zone here
                uint32_t p = 3 + r.below(i - 3);
                while (is_reverse(g_names[p])) p = 3 + (p - 2) % (i - 3);
                z = string(pick(r, kSub)) + (r.chance(.3) ? std::to_string(r.below(100)) : "") +
                    '.' + g_names[p];
            } else {
                z = u > .98 ? idn_label(r) : word_label(r);
                int w = r.below(total);
                const Tld* t = kTld;
                while (w >= t->weight) w -= (t++)->weight;
                z = z + '.' + t->name;
            }
            if (z.size() > 150) continue;
            if (seen.insert(hs(z)).second) break;
        }
        g_names.push_back(std::move(z));
    }
}

// ---------------------------------------------------------------- records
enum Flag : uint8_t { F_GLUE = 1, F_DELEG = 2, F_DISABLED = 4, F_PDNS_ONLY = 8, F_WILD = 16 };
struct Rec {
    string owner;  // relative presentation form, "" = apex
    const char* type;
    uint32_t ttl;
    int prio;       // MX/SRV, else -1
    string text;    // rdata before the target name
    string target;  // absolute name without trailing dot (optional)
    uint8_t flags;
};
struct Zone {
    uint32_t index = 0;
    string name;
    vector<Rec> recs;  // recs[0] is the SOA
    bool rectified = false, apex_wild = false;
};

static string ip4(uint32_t v) {
    char b[20];
    snprintf(b, sizeof b, "%u.%u.%u.%u", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
    return b;
}
static string pool_ip4(Rng& r) {  // shared hosting: few addresses serve most zones
    double u = r.unit();
    uint32_t k = u < .7    ? uint32_t(400 * u * u)
                 : u < .95 ? r.below(5000)
                           : uint32_t(r.below(1u << 24));
    return ip4((u < .95 ? 0xc6336400u : 0x0b000000u) +
               uint32_t(mix64(k) % (u < .95 ? 65536 : 0x5fffffff)));
}
static string pool_ip6(Rng& r) {
    char b[48];
    if (r.chance(.8))
        snprintf(b, sizeof b, "2001:db8:%x::%x", r.below(40),
                 r.below(r.chance(.7) ? 64 : 4096) + 1);
    else
        snprintf(b, sizeof b, "2001:db8:%x:%x:%x:%x:%x:%x", r.below(65536), r.below(65536),
                 r.below(65535) + 1, r.below(65535) + 1, r.below(65535) + 1, r.below(65535) + 1);
    return b;
}
static string base64ish(Rng& r, int n) {
    static const char a[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    string s(n, 0);
    for (int i = 0; i < n; i += 10) {
        uint64_t v = r.next();
        for (int j = i; j < n && j < i + 10; j++, v >>= 6) s[j] = a[v & 63];
    }
    return s;
}
static string hex(Rng& r, int bytes) {
    string s;
    char b[20];
    for (int i = 0; i < bytes; i += 8) {
        snprintf(b, sizeof b, "%016llx", (unsigned long long)r.next());
        s += b;
    }
    s.resize(bytes * 2);
    return s;
}
static string txt(const string& s) {  // split into <= 255 byte strings
    string o;
    for (size_t i = 0; i < s.size() || i == 0; i += 255) {
        if (i) o += ' ';
        o += '"';
        o += s.substr(i, 255);
        o += '"';
    }
    return o;
}

static const char* const kHost[] = {
    "ftp",    "webmail", "smtp",    "imap",     "pop",  "autodiscover", "autoconfig", "blog",
    "shop",   "dev",     "test",    "staging",  "api",  "cdn",          "static",     "img",
    "vpn",    "remote",  "portal",  "intranet", "git",  "cpanel",       "admin",      "m",
    "app",    "beta",    "status",  "docs",     "wiki", "forum",        "media",      "files",
    "backup", "db1",     "monitor", "crm",      "erp",  "chat",         "meet",       "login"};
static const uint32_t kTtl[] = {300, 600, 1800, 3600, 3600, 3600, 7200, 14400, 14400, 86400};

static void build_zone(uint32_t i, Zone& z) {
    Rng r(sub_seed(i, 2));
    z.index = i;
    z.name = g_names[i];
    z.recs.clear();
    z.apex_wild = false;
    z.rectified = r.chance(.3);
    const string& zn = z.name;
    uint32_t ttl = pick(r, kTtl);
    std::unordered_set<string> used;
    auto in = [&](const char* h) { return string(h) + '.' + zn; };
    auto add = [&](const string& o, const char* t, string text, string target = "", int prio = -1,
                   uint8_t fl = 0, uint32_t tt = 0) {
        z.recs.push_back({o, t, tt ? tt : ttl, prio, std::move(text), std::move(target), fl});
    };
    auto fresh = [&](const string& o) { return used.insert(o).second; };

    bool reverse = is_reverse(zn);
    bool vanity = i >= 3 && !reverse && r.chance(.10);
    int prov = i < 3 ? int(i) : r.chance(.8) ? 0 : r.range(1, 2);
    int nns = r.chance(.75) ? 2 : r.chance(.6) ? 3 : 4;
    string ns1 = vanity ? in("ns1") : string("ns1.") + kProv[prov];
    char soa[96];
    snprintf(soa, sizeof soa, " %u %u %u %u %u", 2020000000u + r.below(60000000u),
             r.chance(.5) ? 3600u : 10800u, 1800u, 1209600u, r.chance(.5) ? 300u : 3600u);
    add("", "SOA", soa, ns1, -1, 0, r.chance(.5) ? 3600 : ttl);
    for (int k = 1; k <= nns; k++) {
        string h = "ns" + std::to_string(k);
        add("", "NS", "", vanity ? in(h.c_str()) : h + '.' + kProv[prov], -1, 0, 86400);
        if (vanity || i < 3) used.insert(h);
    }
    if (i < 3)
        for (int k = 1; k <= 4; k++) {
            string h = "ns" + std::to_string(k);
            used.insert(h);
            add(h, "A", ip4(0xc0000200u + i * 16 + k));
            add(h, "AAAA", "2001:db8:53::" + std::to_string(i * 16 + k));
        }
    if (vanity)
        for (int k = 1; k <= nns; k++) {
            string h = "ns" + std::to_string(k);
            add(h, "A", pool_ip4(r));
            if (r.chance(.4)) add(h, "AAAA", pool_ip6(r));
        }

    if (reverse) {
        int step = r.chance(.5) ? 1 : r.range(2, 16);
        uint32_t base = r.below(i);
        for (int k = 1; k < 255; k += step) {
            if (step == 1 && k > 40 && r.chance(.9)) continue;
            add(std::to_string(k), "PTR", "",
                "host" + std::to_string(k) + '.' +
                    (is_reverse(g_names[base]) ? kProv[0] : g_names[base]));
        }
        return;
    }

    double kind = r.unit();
    bool parked = kind < .68, redirect = kind >= .68 && kind<.72, rich = kind> .95;
    string web = pool_ip4(r), web6 = pool_ip6(r);
    bool v6 = r.chance(.30);
    add("", "A", web);
    if (rich && r.chance(.3)) add("", "A", pool_ip4(r));
    if (v6) add("", "AAAA", web6);
    if (r.chance(.5))
        add("www", "CNAME", "", zn);
    else {
        add("www", "A", web);
        if (v6) add("www", "AAAA", web6);
    }
    used.insert("www");

    if (redirect) {
        add("*", "A", web, "", -1, F_WILD);
        z.apex_wild = true;
    }
    if (parked || redirect) {
        if (r.chance(.5)) add("", "TXT", txt("v=spf1 -all"));
        if (r.chance(.15)) add("", "MX", "", "mx." + string(kProv[1]), 10);
    } else {
        bool ownmail = r.chance(.55);
        used.insert("mail");
        if (ownmail) {
            add("", "MX", "", in("mail"), 10);
            add("mail", "A", r.chance(.6) ? web : pool_ip4(r));
            if (v6 && r.chance(.5)) add("mail", "AAAA", web6);
            if (r.chance(.25)) add("", "MX", "", "mx2." + string(kProv[0]), 20);
        } else {
            add("", "MX", "", "mx1." + string(kProv[0]), 10);
            add("", "MX", "", "mx2." + string(kProv[0]), 20);
            if (r.chance(.5)) add("mail", "CNAME", "", "webmail." + string(kProv[0]));
        }
        if (r.chance(.85))
            add("", "TXT",
                txt(r.chance(.6) ? "v=spf1 mx a include:_spf." + string(kProv[0]) + " ~all"
                                 : "v=spf1 ip4:" + web + " include:_spf.mail-relay.example -all"));
        if (r.chance(.45)) {
            static const char* const sel[] = {"default", "mail", "s1", "k1", "google", "dkim2024"};
            string o = string(pick(r, sel)) + "._domainkey";
            double u = r.unit();
            if (u < .55)
                add(o, "CNAME", "", "dkim" + std::to_string(r.below(4)) + '.' + kProv[0]);
            else
                add(o, "TXT", txt("v=DKIM1; k=rsa; p=" + base64ish(r, u < .7 ? 216 : 392)));
        }
        if (r.chance(.35))
            add("_dmarc", "TXT",
                txt(string("v=DMARC1; p=") + (r.chance(.5) ? "none" : "quarantine") +
                    "; rua=mailto:postmaster@" + zn));
        if (r.chance(.10)) add("", "TXT", txt("google-site-verification=" + base64ish(r, 43)));
        int extra = rich ? r.range(2, 14) : r.below(2);
        string prev;
        for (int k = 0; k < extra; k++) {
            string h = pick(r, kHost);
            if (r.chance(.1)) h += std::to_string(r.below(20));
            if (r.chance(.05)) h += string(".") + pick(r, kHost);
            if (!fresh(h)) continue;
            double u = r.unit();
            if (u < .5) {
                add(h, "A", r.chance(.6) ? web : pool_ip4(r));
                if (v6 && r.chance(.3)) add(h, "AAAA", web6);
            } else if (u < .75)
                add(h, "CNAME", "", zn);
            else if (u < .85 && !prev.empty())
                add(h, "CNAME", "", prev + '.' + zn);  // in-zone chain
            else if (i > 10 && u < .93) {              // cross-zone chain
                uint32_t p = 3 + r.below(i - 3);
                add(h, "CNAME", "",
                    is_reverse(g_names[p]) ? "www." + string(kProv[0]) : "www." + g_names[p]);
            } else
                add(h, "CNAME", "",
                    "edge" + std::to_string(r.below(500)) + ".cdn-provider.example");
            prev = h;
        }
    }
    if (rich) {
        if (r.chance(.35)) {
            add("*", "A", web, "", -1, F_WILD);
            z.apex_wild = true;
            if (r.chance(.2)) add("*", "TXT", txt("wildcard"), "", -1, F_WILD);
        } else if (r.chance(.15) && fresh("apps")) {
            bool six = r.chance(.5);
            add("*.apps", six ? "AAAA" : "A", six ? web6 : web, "", -1, F_WILD);
        }
        if (r.chance(.35)) {
            add("", "CAA", "0 issue \"letsencrypt.org\"");
            if (r.chance(.3)) add("", "CAA", "0 iodef \"mailto:security@" + zn + "\"");
        }
        if (r.chance(.25)) {
            add("_sip._tcp", "SRV", "5 5060 ", "sip." + string(kProv[0]), 10);
            add("_sip._udp", "SRV", "5 5060 ", "sip." + string(kProv[0]), 10);
        }
        if (r.chance(.20))
            add("_autodiscover._tcp", "SRV", "0 443 ", "autodiscover." + string(kProv[0]), 0);
        if (r.chance(.20))
            add("", "HTTPS", r.chance(.5) ? "1 . alpn=h2,h3" : "1 . alpn=h2 ipv4hint=" + web);
        if (r.chance(.03)) add("_dns", "SVCB", "1 ns1." + string(kProv[0]) + ". alpn=dot port=853");
        if (r.chance(.12)) {  // delegation with in-bailiwick glue, sometimes DS
            string d = r.chance(.5) ? "sub" : "branch";
            if (fresh(d)) {
                add(d, "NS", "", "ns1." + d + '.' + zn, -1, F_DELEG);
                add(d, "NS", "", "ns2." + d + '.' + zn, -1, F_DELEG);
                add("ns1." + d, "A", pool_ip4(r), "", -1, F_GLUE);
                add("ns2." + d, "A", pool_ip4(r), "", -1, F_GLUE);
                if (r.chance(.5)) add("ns2." + d, "AAAA", pool_ip6(r), "", -1, F_GLUE);
                if (r.chance(.4))
                    add(d, "DS", std::to_string(r.below(65536)) + " 13 2 " + hex(r, 32));
            }
        }
        if (r.chance(.03) && i > 3 && fresh("old"))
            add("old", "DNAME", "", i > 10 ? g_names[3 + r.below(i - 3)] : string(kProv[0]));
        if (r.chance(.05)) add("_443._tcp.www2", "TLSA", "3 1 1 " + hex(r, 32));
        if (r.chance(.05) && fresh("ssh")) {
            add("ssh", "A", web);
            add("ssh", "SSHFP", "4 2 " + hex(r, 32));
        }
        if (r.chance(.03)) add("", "LOC", "50 5 12.000 N 14 25 30.000 E 200m 10m 100m 10m");
        if (r.chance(.02))
            add("sip", "NAPTR", "100 10 \"s\" \"SIP+D2U\" \"\" _sip._udp." + zn + '.');
        if (r.chance(.10)) add("_acme-challenge", "TXT", txt(base64ish(r, 43)));
        if (r.chance(.04)) add("_github-challenge-org", "TXT", txt(hex(r, 5)));
        if (r.chance(.02))
            add("first\\.last", "MX", "", "mx1." + string(kProv[0]), 10);  // escaped dot
        if (r.chance(.01)) add("my\\032printer", "A", web);                // DNS-SD style name
        if (r.chance(.01)) add("_spool_host", "A", web);                   // underscore host
        if (r.chance(.02))
            add("", "TXT",
                txt("note: \\\"quoted\\\" text; with (parens) and \\226\\130\\172 bytes"));
    }
    // large zones: fixed indexes so that every data set size has some, plus a random tail
    uint32_t big = i == 700 ? 1000 : i == 7000 ? 5000 : i == 70000 || i == 1000000 ? 100000 : 0;
    if (!big && i > 100 && r.chance(1 / 30000.))
        big = uint32_t(std::exp(std::log(1000.) + r.unit() * std::log(30.)));
    for (uint32_t k = 0; k < big; k++) {
        string h = (r.chance(.5) ? "host" : "c") + std::to_string(k);
        if (r.chance(.2)) h += string(".") + pick(r, kHost) + "-net";
        double u = r.unit();
        if (u < .7)
            add(h, "A", pool_ip4(r));
        else if (u < .85)
            add(h, "AAAA", pool_ip6(r));
        else if (u < .95)
            add(h, "CNAME", "", zn);
        else
            add(h, "TXT", txt("id=" + hex(r, 16)));
    }
    if (r.chance(.02)) {
        add("dis", "A", pool_ip4(r), "", -1, F_DISABLED);
        if (r.chance(.3)) add("", "MX", "", "mx9." + string(kProv[0]), 50, F_DISABLED);
    }
    if (r.chance(.003)) add("alias", "ALIAS", "", "lb.cdn-provider.example", -1, F_PDNS_ONLY);
    if (r.chance(.002))
        add("lua", "LUA", "A \"ifportup(443, {'192.0.2.1', '192.0.2.2'})\"", "", -1, F_PDNS_ONLY);
}

// ---------------------------------------------------------------- output helpers
[[noreturn]] static void die(const char* fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("gen_zones: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}
static void mkdirs(const string& p) {
    for (size_t i = 1; i <= p.size(); i++)
        if (i == p.size() || p[i] == '/')
            if (mkdir(p.substr(0, i).c_str(), 0755) && errno != EEXIST)
                die("mkdir %s: %s", p.substr(0, i).c_str(), strerror(errno));
}
struct Out {
    FILE* f;
    string path, buf;
    explicit Out(const string& p) : f(fopen(p.c_str(), "w")), path(p) {
        if (!f) die("%s: %s", p.c_str(), strerror(errno));
    }
    ~Out() {
        flush();
        if (fclose(f)) die("%s: %s", path.c_str(), strerror(errno));
    }
    void flush() {
        if (!buf.empty() && fwrite(buf.data(), 1, buf.size(), f) != buf.size())
            die("%s: write failed", path.c_str());
        buf.clear();
    }
    Out& operator<<(string_view s) {
        buf += s;
        if (buf.size() > 1 << 20) flush();
        return *this;
    }
};
static void copy_esc(string& o, string_view s) {  // COPY text format
    for (char c : s) {
        if (c == '\\') o += '\\';
        o += c;
    }
}
static string lower(string s) {
    for (char& c : s) c = char(tolower((unsigned char)c));
    return s;
}

static void zone_text(const Zone& z, string& o) {
    o.clear();
    o += "$ORIGIN ";
    o += z.name;
    o += ".\n$TTL 3600\n";
    const string* last = nullptr;
    for (const Rec& r : z.recs) {
        if (r.flags & (F_DISABLED | F_PDNS_ONLY)) continue;
        if (!last || *last != r.owner) o += r.owner.empty() ? "@" : r.owner;
        last = &r.owner;
        o += '\t';
        o += std::to_string(r.ttl);
        o += "\tIN\t";
        o += r.type;
        o += '\t';
        if (!strcmp(r.type, "SOA")) {
            o += r.target;
            o += ". hostmaster.";
            o += r.target.substr(4);
            o += '.';
            o += r.text;
        } else {
            if (r.prio >= 0) {
                o += std::to_string(r.prio);
                o += ' ';
            }
            o += r.text;
            if (!r.target.empty()) {
                o += r.target;
                o += '.';
            }
        }
        o += '\n';
    }
}

static vector<string> labels_of(const string& s) {
    vector<string> v(1);
    for (size_t i = 0; i < s.size(); i++) {
        if (s[i] == '\\' && i + 1 < s.size()) {
            v.back() += s[i];
            v.back() += s[++i];
        } else if (s[i] == '.')
            v.emplace_back();
        else
            v.back() += s[i];
    }
    return v;
}
static string ordername(const string& owner) {  // labels reversed, space separated, lower case
    if (owner.empty()) return "";
    auto v = labels_of(owner);
    string o;
    for (size_t i = v.size(); i--;) {
        o += v[i];
        if (i) o += ' ';
    }
    return lower(o);
}

struct PgOut {
    Out domains, records, meta, comments;
    uint64_t rid = 0, mid = 0, cid = 0;
    explicit PgOut(const string& d)
        : domains(d + "/domains.copy"),
          records(d + "/records.copy"),
          meta(d + "/domainmetadata.copy"),
          comments(d + "/comments.copy") {}
    void row(const string& did, const Zone& z, const string& owner, const char* type, const Rec* r,
             bool auth) {
        string o = std::to_string(++rid);
        o += '\t';
        o += did;
        o += '\t';
        if (!owner.empty()) {
            copy_esc(o, lower(owner));
            o += '.';
        }
        o += z.name;
        o += '\t';
        o += type ? type : "\\N";
        o += '\t';
        if (!r)
            o += "\\N\t\\N\t\\N\tf\t";
        else {
            if (!strcmp(r->type, "SOA")) {
                o += r->target;
                o += " hostmaster.";
                o += r->target.substr(4);
                o += r->text;
            } else {
                copy_esc(o, r->text);
                o += r->target;
            }
            o += '\t';
            o += std::to_string(r->ttl);
            o += '\t';
            o += std::to_string(r->prio < 0 ? 0 : r->prio);
            o += '\t';
            o += r->flags & F_DISABLED ? "t\t" : "f\t";
        }
        if (z.rectified)
            copy_esc(o, ordername(owner));
        else
            o += "\\N";
        o += auth ? "\tt\n" : "\tf\n";
        records << o;
    }
    void zone(const Zone& z) {
        Rng r(sub_seed(z.index, 3));
        string did = std::to_string(z.index + 1), o = did;
        double u = r.unit();
        o += '\t';
        o += z.name;
        o += u > .97 ? "\t192.0.2.53" : "\t\\N";
        o += "\t\\N\t";
        o += u < .8 ? "NATIVE" : u <= .97 ? "MASTER" : "SLAVE";
        o += u < .8 || u > .97 ? "\t\\N\t" : "\t2020010101\t";
        if (r.chance(.4)) {
            o += "cust";
            o += std::to_string(r.below(500000));
        } else
            o += "\\N";
        o += "\t\\N\t\\N\n";
        domains << o;
        std::unordered_set<string> names, ents;
        for (const Rec& x : z.recs) {
            bool auth = !(x.flags & (F_GLUE | F_DELEG));
            row(did, z, x.owner, x.type, &x, auth);
            if (z.rectified) names.insert(x.owner);
        }
        if (z.rectified) {  // empty non-terminals as rectify-zone writes them: NULL type
            for (const Rec& x : z.recs) {
                if (x.flags & F_GLUE) continue;
                auto l = labels_of(x.owner);
                for (size_t k = 1; k < l.size(); k++) {
                    string e;
                    for (size_t j = k; j < l.size(); j++) {
                        e += l[j];
                        if (j + 1 < l.size()) e += '.';
                    }
                    if (!names.count(e) && ents.insert(e).second)
                        row(did, z, e, nullptr, nullptr, true);
                }
            }
        }
        auto md = [&](const char* k, const string& v) {
            meta << std::to_string(++mid) << "\t" << did << "\t" << k << "\t" << v << "\n";
        };
        if (r.chance(.15)) md("SOA-EDIT-API", "DEFAULT");
        if (r.chance(.03)) {
            md("ALLOW-AXFR-FROM", "192.0.2.0/24");
            md("ALLOW-AXFR-FROM", "2001:db8::/32");
        }
        if (r.chance(.01)) md("TSIG-ALLOW-AXFR", "transfer-key");
        if (r.chance(.005)) md("X-CUSTOMER-NOTE", "moved from old panel");
        if (r.chance(.02))
            comments << std::to_string(++cid) << "\t" << did << "\t" << z.name << "\tA\t"
                     << std::to_string(1500000000 + r.below(200000000))
                     << "\tpanel\tset by \\\\panel import; don't touch\\tplease\n";
    }
};

// ---------------------------------------------------------------- queries
struct Permutation {  // format-preserving: popularity rank -> zone index
    uint32_t n, bits;
    uint64_t key;
    Permutation(uint32_t n_, uint64_t k) : n(n_), bits(2), key(k) {
        while ((1ull << bits) < n) bits += 2;
    }
    uint32_t operator()(uint32_t x) const {
        uint32_t h = bits / 2, m = (1u << h) - 1;
        do {
            uint32_t l = x >> h, r = x & m;
            for (int i = 0; i < 4; i++) {
                uint32_t t = l ^ (uint32_t(mix64(key + i * 77777 + r)) & m);
                l = r;
                r = t;
            }
            x = l << h | r;
        } while (x >= n);
        return x;
    }
};

struct QueryStats {
    std::map<string, uint64_t> n;
};

static void make_queries(const string& path, uint32_t n, uint64_t m, double s, bool mixcase,
                         QueryStats& st) {
    vector<double> cum(n);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) cum[i] = sum += std::pow(i + 1.0, -s);
    Permutation perm(n, mix64(g_seed ^ 0x7a69));
    Rng r(mix64(g_seed ^ 0x9175));
    std::unordered_map<uint32_t, std::unique_ptr<Zone>> big;
    Zone small;
    auto draw = [&]() -> Zone& {
        uint32_t rank =
            uint32_t(std::lower_bound(cum.begin(), cum.end(), r.unit() * sum) - cum.begin());
        uint32_t i = perm(std::min(rank, n - 1));
        auto it = big.find(i);
        if (it != big.end()) return *it->second;
        build_zone(i, small);
        if (small.recs.size() < 500) return small;
        return *(big[i] = std::make_unique<Zone>(std::move(small)));
    };
    auto weight = [](const char* t) {
        switch (t[0]) {
            case 'A':
                return t[1] == 0 ? 1.0 : t[1] == 'A' ? .5 : 0.;
            case 'M':
                return .35;
            case 'T':
                return .25;
            case 'N':
                return .12;
            case 'S':
                return t[1] == 'O' ? .06 : .3;
            case 'C':
                return .2;
            case 'P':
                return .5;
            default:
                return .3;
        }
    };
    Out out(path);
    string line;
    auto emit = [&](const Zone& z, const string& pre, const string& owner, const char* type,
                    const char* cls) {
        line = pre;
        if (!owner.empty()) {
            line += owner;
            line += '.';
        }
        line += z.name;
        if (mixcase) {  // 0x20-style case variation
            uint64_t v = 0;
            for (size_t i = 0; i < line.size(); i++) {
                if (i % 64 == 0) v = r.next();
                if (line[i] >= 'a' && line[i] <= 'z' && (v >> (i % 64) & 1))
                    line[i] = char(line[i] - 32);
            }
        }
        line += ' ';
        line += type;
        line += '\n';
        out << line;
        st.n[cls]++;
    };
    const uint8_t hidden = F_DISABLED | F_PDNS_ONLY | F_GLUE;
    auto rnd_label = [&] {
        return pick(r, kSyll) + string(pick(r, kSyll)) + std::to_string(r.below(1000000));
    };
    for (uint64_t q = 0; q < m; q++) {
        double u = r.unit();
        const char* cls = u < .80    ? "existing"
                          : u < .90  ? "nxdomain"
                          : u < .95  ? "nodata"
                          : u < .965 ? "wildcard"
                          : u < .985 ? "cname"
                          : u < .996 ? "referral"
                                     : "dname";
        bool done = false;
        for (int tries = 0; !done && tries < 2000; tries++) {
            Zone& z = draw();
            size_t nr = z.recs.size();
            auto find = [&](auto pred) -> const Rec* {
                size_t k = r.below(nr);
                for (size_t j = 0; j < nr; j++) {
                    const Rec& x = z.recs[(k + j) % nr];
                    if (!(x.flags & hidden) && pred(x)) return &x;
                }
                return nullptr;
            };
            switch (cls[0]) {
                case 'e':
                    for (int k = 0; k < 50; k++) {
                        const Rec& x = z.recs[r.below(nr)];
                        if (x.flags & (hidden | F_DELEG | F_WILD) || !r.chance(weight(x.type)) ||
                            !strcmp(x.type, "DNAME"))
                            continue;
                        emit(z, "", x.owner,
                             !strcmp(x.type, "CNAME") && r.chance(.95)
                                 ? (r.chance(.75) ? "A" : "AAAA")
                                 : x.type,
                             cls);
                        done = true;
                        break;
                    }
                    break;
                case 'n':
                    if (cls[1] == 'x') {
                        if (z.apex_wild || is_reverse(z.name)) break;
                        emit(z, rnd_label() + '.', "", r.chance(.7) ? "A" : "AAAA", cls);
                        done = true;
                    } else {
                        const Rec* x = find([&](const Rec& y) {
                            return strcmp(y.type, "CNAME") && !(y.flags & (F_DELEG | F_WILD)) &&
                                   strcmp(y.type, "DNAME") && strcmp(y.type, "DS");
                        });
                        if (!x) break;
                        static const char* const t[] = {"AAAA", "AAAA", "AAAA", "HTTPS", "MX",
                                                        "TXT",  "CAA",  "DS",   "SRV"};
                        const char* ty = pick(r, t);
                        if (nr > 500 || !strcmp(ty, "DS")) break;
                        bool has = false;
                        for (auto& y : z.recs)
                            has |=
                                y.owner == x->owner && !(y.flags & hidden) && !strcmp(y.type, ty);
                        if (!has) {
                            emit(z, "", x->owner, ty, cls);
                            done = true;
                        }
                    }
                    break;
                case 'w':
                    if (const Rec* x = nr > 500 ? nullptr : find([](const Rec& y) {
                            return y.flags & F_WILD;
                        })) {
                        emit(z, rnd_label() + '.',
                             x->owner.substr(std::min<size_t>(2, x->owner.size())),
                             r.chance(.8) ? "A" : "TXT", cls);
                        done = true;
                    }
                    break;
                case 'c':
                    if (const Rec* x =
                            find([](const Rec& y) { return !strcmp(y.type, "CNAME"); })) {
                        emit(z, "", x->owner, r.chance(.8) ? "A" : "AAAA", cls);
                        done = true;
                    }
                    break;
                case 'r':
                    if (const Rec* x = nr > 500 ? nullptr : find([](const Rec& y) {
                            return y.flags & F_DELEG;
                        })) {
                        emit(z, r.chance(.6) ? "www." : "", x->owner, "A", cls);
                        done = true;
                    }
                    break;
                case 'd':
                    if (const Rec* x = nr > 500 ? nullptr : find([](const Rec& y) {
                            return !strcmp(y.type, "DNAME");
                        })) {
                        emit(z, "www.", x->owner, "A", cls);
                        done = true;
                    }
                    break;
            }
        }
        if (!done) {
            Zone& z = draw();
            emit(z, "", "", "A", "existing");
        }
    }
}

// ---------------------------------------------------------------- main
static const char kHelp[] =
    "usage: gen_zones --zones N --out DIR [options]\n"
    "  --zones N        number of zones\n"
    "  --out DIR        output directory (created)\n"
    "  --seed S         seed (default 1); same seed and N = byte-identical output\n"
    "  --what LIST      comma list of zones,pg,queries (default: all three)\n"
    "  --queries M      number of queries (default 1000000)\n"
    "  --zipf S         popularity exponent over zones, 0 = uniform (default 0.9)\n"
    "  --mixed-case     0x20-style random case in query names\n"
    "  --query-file F   name of the query file inside DIR (default queries.txt)\n"
    "Output:\n"
    "  DIR/zones/xx/yy/NAME.zone, DIR/zones.list (NAME<TAB>relative path)\n"
    "  DIR/{named,knot,nsd}.zones.conf   zone lists to include (paths relative to DIR)\n"
    "  DIR/pg/*.copy                     COPY text files for the PowerDNS schema\n"
    "  DIR/queries.txt                   dnsperf format\n"
    "  DIR/manifest.json                 counts by record type and query class\n"
    "                                    (--what queries alone writes DIR/QUERYFILE.json instead)\n"
    "Records that only PowerDNS knows (ALIAS, LUA), disabled records and empty\n"
    "non-terminal rows appear in pg only; everything else is the same in both forms.\n";

int main(int argc, char** argv) {
    uint64_t zones = 0, queries = 1000000;
    string out, what = "zones,pg,queries", qfile = "queries.txt";
    double zipf = .9;
    bool mixcase = false;
    for (int i = 1; i < argc; i++) {
        string a = argv[i];
        auto val = [&]() -> const char* {
            if (i + 1 >= argc) die("%s needs a value", a.c_str());
            return argv[++i];
        };
        if (a == "--zones")
            zones = strtoull(val(), nullptr, 10);
        else if (a == "--out")
            out = val();
        else if (a == "--seed")
            g_seed = strtoull(val(), nullptr, 10);
        else if (a == "--what")
            what = val();
        else if (a == "--queries")
            queries = strtoull(val(), nullptr, 10);
        else if (a == "--zipf")
            zipf = strtod(val(), nullptr);
        else if (a == "--query-file")
            qfile = val();
        else if (a == "--mixed-case")
            mixcase = true;
        else if (a == "--help" || a == "-h") {
            fputs(kHelp, stdout);
            return 0;
        } else {
            fputs(kHelp, stderr);
            return 2;
        }
    }
    if (!zones || out.empty() || zones > 50000000) {
        fputs(kHelp, stderr);
        return 2;
    }
    bool do_zones = what.find("zones") != string::npos, do_pg = what.find("pg") != string::npos,
         do_q = what.find("queries") != string::npos;
    mkdirs(out);
    make_names(uint32_t(zones));

    uint64_t nrec = 0, bytes = 0, pgrows = 0;
    std::map<string, uint64_t> types;
    if (do_zones || do_pg) {
        std::unique_ptr<Out> list, named, knot, nsd;
        std::unique_ptr<PgOut> pg;
        if (do_zones) {
            list = std::make_unique<Out>(out + "/zones.list");
            named = std::make_unique<Out>(out + "/named.zones.conf");
            knot = std::make_unique<Out>(out + "/knot.zones.conf");
            nsd = std::make_unique<Out>(out + "/nsd.zones.conf");
            *knot << "zone:\n";
            for (int a = 0; a < 64; a++)
                for (int b = 0; b < 64; b++) {
                    char d[32];
                    snprintf(d, sizeof d, "/zones/%02x/%02x", a, b);
                    mkdirs(out + d);
                }
        }
        if (do_pg) {
            mkdirs(out + "/pg");
            pg = std::make_unique<PgOut>(out + "/pg");
        }
        Zone z;
        string text, path;
        for (uint32_t i = 0; i < zones; i++) {
            build_zone(i, z);
            for (auto& x : z.recs)
                if (!(x.flags & (F_DISABLED | F_PDNS_ONLY))) {
                    nrec++;
                    types[x.type]++;
                }
            if (do_zones) {
                zone_text(z, text);
                bytes += text.size();
                uint64_t h = mix64(i);
                char d[32];
                snprintf(d, sizeof d, "zones/%02x/%02x/", unsigned(h & 63), unsigned(h >> 6 & 63));
                path = d + z.name + ".zone";
                int fd = open((out + '/' + path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                              0644);
                if (fd < 0 || write(fd, text.data(), text.size()) != ssize_t(text.size()))
                    die("%s: %s", path.c_str(), strerror(errno));
                close(fd);
                *list << z.name << "\t" << path << "\n";
                *named << "zone \"" << z.name << "\" { type master; file \"" << path << "\"; };\n";
                *knot << "  - domain: " << z.name << "\n    file: " << path << "\n";
                *nsd << "zone:\n\tname: \"" << z.name << "\"\n\tzonefile: \"" << path << "\"\n";
            }
            if (do_pg) pg->zone(z);
        }
        if (do_pg) {
            pgrows = pg->rid;
            Out t(out + "/pg/tsigkeys.copy"), s(out + "/pg/supermasters.copy");
            t << "1\ttransfer-key\thmac-sha256\tkp4/24gyYsEzbuTVJRUMoqGFmN3LYgVDzJ/3oRSP7ys=\n";
            s << "192.0.2.53\tns1.hoster-dns.net\tpanel\n2001:db8::53\tns2.hoster-dns.net\tpanel\n";
        }
    }
    QueryStats st;
    if (do_q) make_queries(out + '/' + qfile, uint32_t(zones), queries, zipf, mixcase, st);

    string mf = out + (do_zones || do_pg ? "/manifest.json" : "/" + qfile + ".json");
    FILE* f = fopen(mf.c_str(), "w");
    if (!f) die("%s: %s", mf.c_str(), strerror(errno));
    fprintf(f,
            "{\"zones\": %llu, \"seed\": %llu, \"records\": %llu, \"zone_file_bytes\": %llu, "
            "\"pg_record_rows\": %llu, \"zipf\": %g,\n \"types\": {",
            (unsigned long long)zones, (unsigned long long)g_seed, (unsigned long long)nrec,
            (unsigned long long)bytes, (unsigned long long)pgrows, zipf);
    const char* sep = "";
    for (auto& [t, c] : types) {
        fprintf(f, "%s\"%s\": %llu", sep, t.c_str(), (unsigned long long)c);
        sep = ", ";
    }
    fprintf(f, "},\n \"queries\": {");
    sep = "";
    for (auto& [t, c] : st.n) {
        fprintf(f, "%s\"%s\": %llu", sep, t.c_str(), (unsigned long long)c);
        sep = ", ";
    }
    fprintf(f, "}}\n");
    fclose(f);
    fprintf(stderr, "gen_zones: %llu zones, %llu records (%.2f per zone)\n",
            (unsigned long long)zones, (unsigned long long)nrec, double(nrec) / zones);
}
