// dnsload - DNS load generator and latency prober of the zonectl bench kit.
//
// closed loop (default): keeps --window queries in flight, as fast as the server answers.
// open loop (--rate R):  sends query i at t0 + i/R whatever the server does; latency is
//                        taken from the *intended* send time, so a stalled server (or a
//                        stalled generator) cannot hide slow answers (no coordinated omission).
// Prints one JSON object. One thread: pin it to a core of its own.
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

using std::string;
using std::vector;

static uint64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return uint64_t(t.tv_sec) * 1000000000ull + t.tv_nsec;
}
[[noreturn]] static void die(const string& m) {
    fprintf(stderr, "dnsload: %s\n", m.c_str());
    exit(1);
}

// ------------------------------------------------------------------ query file
struct Type {
    const char* n;
    uint16_t v;
};
static const Type kTypes[] = {
    {"A", 1},     {"NS", 2},     {"CNAME", 5},  {"SOA", 6},    {"PTR", 12},    {"MX", 15},
    {"TXT", 16},  {"AAAA", 28},  {"LOC", 29},   {"SRV", 33},   {"NAPTR", 35},  {"DNAME", 39},
    {"DS", 43},   {"SSHFP", 44}, {"RRSIG", 46}, {"NSEC", 47},  {"DNSKEY", 48}, {"TLSA", 52},
    {"SVCB", 64}, {"HTTPS", 65}, {"SPF", 99},   {"AXFR", 252}, {"ANY", 255},   {"CAA", 257}};
static uint16_t type_of(const string& s) {
    for (auto& t : kTypes)
        if (s == t.n) return t.v;
    if (s.compare(0, 4, "TYPE") == 0) return uint16_t(atoi(s.c_str() + 4));
    return 0;
}
static bool put_name(string& o, const char* p, const char* e) {
    while (p < e) {
        size_t at = o.size();
        o += '\0';
        while (p < e && *p != '.') {
            if (*p == '\\' && p + 1 < e) {
                p++;
                if (p + 2 < e && isdigit(*p) && isdigit(p[1]) && isdigit(p[2])) {
                    o += char((p[0] - '0') * 100 + (p[1] - '0') * 10 + p[2] - '0');
                    p += 3;
                } else
                    o += *p++;
            } else
                o += *p++;
        }
        size_t n = o.size() - at - 1;
        if (n == 0 || n > 63) return false;
        o[at] = char(n);
        if (p < e) p++;
    }
    o += '\0';
    return true;
}
struct Queries {
    string wire;           // concatenated messages
    vector<uint32_t> off;  // n + 1 offsets
    size_t n() const { return off.size() - 1; }
};
static Queries load(const string& path, size_t limit, bool edns, bool dobit, int bufsize) {
    FILE* f = fopen(path.c_str(), "r");
    if (!f) die(path + ": " + strerror(errno));
    Queries q;
    q.off.push_back(0);
    char line[2048];
    while (q.n() < limit && fgets(line, sizeof line, f)) {
        char* sp = strrchr(line, ' ');
        if (!sp) sp = strrchr(line, '\t');
        if (!sp || line[0] == ';' || line[0] == '#') continue;
        string ty(sp + 1);
        while (!ty.empty() && isspace((unsigned char)ty.back())) ty.pop_back();
        uint16_t t = type_of(ty);
        if (!t) continue;
        size_t at = q.wire.size();
        const char hdr[12] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, char(edns)};
        q.wire.append(hdr, 12);
        if (!put_name(q.wire, line, sp)) {
            q.wire.resize(at);
            continue;
        }
        const char qt[4] = {char(t >> 8), char(t), 0, 1};
        q.wire.append(qt, 4);
        if (edns) {
            const char opt[11] = {
                0, 0, 41, char(bufsize >> 8), char(bufsize), 0, 0, char(dobit ? 0x80 : 0), 0, 0, 0};
            q.wire.append(opt, 11);
        }
        q.off.push_back(uint32_t(q.wire.size()));
    }
    fclose(f);
    if (!q.n()) die("no usable queries in " + path);
    return q;
}

// ------------------------------------------------------------------ histogram: 2^-6 relative
// precision
struct Hist {
    vector<uint64_t> b = vector<uint64_t>(64 * 64, 0);
    uint64_t n = 0, max = 0;
    double sum = 0;
    void add(uint64_t ns) {
        n++;
        sum += ns;
        if (ns > max) max = ns;
        b[slot(ns)]++;
    }
    static int slot(uint64_t v) {
        if (v < 64) return int(v);
        int e = 63 - __builtin_clzll(v) - 6;
        return (e + 1) * 64 + int((v >> e) & 63);
    }
    static double value(int s) {
        if (s < 64) return s;
        int e = s / 64 - 1;
        return double((64ull + s % 64) << e) + double(1ull << e) / 2;
    }
    double q(double p) const {
        if (!n) return 0;
        uint64_t k = uint64_t(std::ceil(p * n)), c = 0;
        for (int i = 0; i < int(b.size()); i++)
            if ((c += b[i]) >= k) return std::min(value(i), double(max));
        return double(max);
    }
};
static void print_hist(const char* name, const Hist& h) {
    printf(
        "\"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"p99.99\": %.1f, "
        "\"max\": %.1f, \"mean\": %.1f}",
        name, h.q(.5) / 1e3, h.q(.9) / 1e3, h.q(.99) / 1e3, h.q(.999) / 1e3, h.q(.9999) / 1e3,
        h.max / 1e3, h.n ? h.sum / h.n / 1e3 : 0);
}

// ------------------------------------------------------------------ options and state
static string o_server = "127.0.0.1", o_file;
static int o_port = 53, o_window = 256, o_socks = 8, o_batch = 32, o_bufsize = 1232;
static uint64_t o_count = 0, o_skip = 0;
static double o_rate = 0, o_timeout = 1.0, o_seconds = 0;
static int o_rt = 0;
static bool o_tcp = false, o_edns = true, o_do = false;

static uint64_t g_rcode[16], g_tc, g_aa, g_bytes, g_recv, g_lost, g_stray, g_reconnect;
static Hist g_lat, g_svc, g_late;
static void on_answer(const uint8_t* m, size_t n) {
    g_recv++;
    g_bytes += n;
    g_rcode[m[3] & 15]++;
    if (m[2] & 2) g_tc++;
    if (m[2] & 4) g_aa++;
}
struct Slot {
    uint64_t due = 0, sent = 0;
};  // due 0 = free

struct Source {  // hands out the next query
    const Queries& q;
    uint64_t i = 0, total;
    explicit Source(const Queries& q_) : q(q_) {}
    const char* data(size_t& n) {
        size_t k = (i + o_skip) % q.n();
        n = q.off[k + 1] - q.off[k];
        return q.wire.data() + q.off[k];
    }
};

static double run_udp(const Queries& q, const sockaddr_in& to) {
    struct Sock {
        int fd;
        uint16_t next = 0;
        vector<Slot> s = vector<Slot>(65536);
        int live = 0;
    };
    vector<Sock> socks(o_socks);
    for (auto& s : socks) {
        s.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        int v = 4 << 20;
        setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof v);
        if (connect(s.fd, (const sockaddr*)&to, sizeof to)) die("connect");
    }
    const int B = o_batch;
    vector<vector<uint8_t>> rb(B, vector<uint8_t>(4096)), sb(B, vector<uint8_t>(600));
    vector<iovec> ri(B), si(B);
    vector<mmsghdr> rm(B), sm(B);
    for (int i = 0; i < B; i++) {
        ri[i] = {rb[i].data(), rb[i].size()};
        rm[i] = {};
        rm[i].msg_hdr.msg_iov = &ri[i];
        rm[i].msg_hdr.msg_iovlen = 1;
        si[i] = {sb[i].data(), 0};
        sm[i] = {};
        sm[i].msg_hdr.msg_iov = &si[i];
        sm[i].msg_hdr.msg_iovlen = 1;
    }
    Source src(q);
    uint64_t total = o_count ? o_count : q.n(), live = 0, t0 = now_ns(), last_answer = t0,
             next_sweep = t0 + 100000000;
    if (o_seconds > 0) total = o_rate > 0 ? uint64_t(o_rate * o_seconds) : ~0ull;
    const double gap = o_rate > 0 ? 1e9 / o_rate : 0;
    const uint64_t timeout = uint64_t(o_timeout * 1e9),
                   stop_at = o_seconds > 0 && !gap ? t0 + uint64_t(o_seconds * 1e9) : ~0ull;
    size_t rr = 0;
    while (src.i < total || live) {
        uint64_t now = now_ns();
        if (now > stop_at) total = src.i;
        bool idle = true;
        int want = 0;
        if (src.i < total) {
            if (gap) {
                double due = (double(now - t0)) / gap;
                want = due >= double(src.i) ? int(std::min<double>(B, due - double(src.i) + 1)) : 0;
                if (live > 50000u * o_socks) want = 0;
            } else if (live < uint64_t(o_window))
                want = int(std::min<uint64_t>(B, o_window - live));
            want = int(std::min<uint64_t>(want, total - src.i));
            // in closed loop wait until half a batch is due, to amortise system calls
            if (!gap && live && want < std::min(B, o_window) / 2 && src.i + want < total) want = 0;
        }
        if (want) {
            Sock& s = socks[rr++ % socks.size()];
            int n = 0;
            uint16_t id0 = s.next;
            uint64_t i0 = src.i;
            for (; n < want; n++) {
                Slot& sl = s.s[s.next];
                if (sl.due) break;
                size_t len;
                const char* m = src.data(len);
                memcpy(sb[n].data(), m, len);
                sb[n][0] = uint8_t(s.next >> 8);
                sb[n][1] = uint8_t(s.next);
                si[n].iov_len = len;
                sl.due = gap ? t0 + uint64_t(gap * double(src.i)) : now;
                sl.sent = now;
                s.next++;
                src.i++;
            }
            int sent = 0;
            while (sent < n) {
                int k = sendmmsg(s.fd, &sm[sent], n - sent, 0);
                if (k < 0) {
                    if (errno == EINTR || errno == ECONNREFUSED) continue;
                    if (errno == EAGAIN || errno == ENOBUFS) break;
                    die(string("send: ") + strerror(errno));
                }
                sent += k;
            }
            for (int j = sent; j < n; j++) s.s[uint16_t(id0 + j)].due = 0;
            src.i = i0 + sent;
            s.next = uint16_t(id0 + sent);
            if (gap)
                for (int j = 0; j < sent; j++) {
                    Slot& sl = s.s[uint16_t(id0 + j)];
                    g_late.add(sl.sent > sl.due ? sl.sent - sl.due : 0);
                }
            live += sent;
            s.live += sent;
            if (sent) idle = false;
        }
        if (live)
            for (auto& s : socks) {
                if (!s.live) continue;
                int n = recvmmsg(s.fd, rm.data(), B, MSG_DONTWAIT, nullptr);
                if (n <= 0) continue;
                idle = false;
                uint64_t t = now_ns();
                last_answer = t;
                for (int j = 0; j < n; j++) {
                    const uint8_t* m = rb[j].data();
                    if (rm[j].msg_len < 12) {
                        g_stray++;
                        continue;
                    }
                    Slot& sl = s.s[uint16_t(m[0] << 8 | m[1])];
                    if (!sl.due) {
                        g_stray++;
                        continue;
                    }
                    g_lat.add(t > sl.due ? t - sl.due : 0);
                    g_svc.add(t - sl.sent);
                    sl.due = 0;
                    live--;
                    s.live--;
                    on_answer(m, rm[j].msg_len);
                }
            }
        if (now > next_sweep) {  // expire lost queries
            next_sweep = now + 100000000;
            for (auto& s : socks)
                if (s.live)
                    for (auto& sl : s.s)
                        if (sl.due && now > sl.sent + timeout) {
                            sl.due = 0;
                            s.live--;
                            live--;
                            g_lost++;
                        }
        }
        if (idle &&
            !gap) {  // closed loop, nothing to do: sleep in poll instead of burning the core
            vector<pollfd> p;
            for (auto& s : socks)
                if (s.live) p.push_back({s.fd, POLLIN, 0});
            if (!p.empty()) poll(p.data(), p.size(), 10);
        }
    }
    o_count = src.i;
    return double((gap ? std::max(last_answer, t0 + 1) : last_answer) - t0) / 1e9;
}

static double run_tcp(const Queries& q, const sockaddr_in& to) {
    struct Conn {
        int fd = -1;
        uint16_t next = 0;
        int live = 0;
        string out;
        size_t done = 0;
        vector<uint8_t> in;
        vector<Slot> s = vector<Slot>(65536);
    };
    vector<Conn> cs(o_socks);
    auto open_conn = [&](Conn& c) {
        c.fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c.fd, (const sockaddr*)&to, sizeof to))
            die(string("tcp connect: ") + strerror(errno));
        int one = 1;
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(c.fd, F_SETFL, O_NONBLOCK);
        c.out.clear();
        c.done = 0;
        c.in.clear();
        for (auto& s : c.s)
            if (s.due) {
                s.due = 0;
                g_lost++;
            }
        c.live = 0;
    };
    for (auto& c : cs) open_conn(c);
    Source src(q);
    uint64_t total = o_count ? o_count : q.n(), t0 = now_ns(), last = t0, fruitless = 0;
    const double gap = o_rate > 0 ? 1e9 / o_rate : 0;
    if (o_seconds > 0 && gap) total = uint64_t(o_rate * o_seconds);
    const int per = std::max(1, o_window / o_socks);
    vector<uint8_t> buf(1 << 18);
    vector<pollfd> pf(cs.size());
    auto total_live = [&] {
        long n = 0;
        for (auto& c : cs) n += c.live;
        return n;
    };
    size_t rr = 0;
    while (src.i < total || total_live()) {
        uint64_t now = now_ns();
        if (now - last > uint64_t(o_timeout * 5e9) && total_live()) {
            g_lost += total_live();
            break;
        }
        auto push = [&](Conn& c, uint64_t due) {
            size_t len;
            const char* m = src.data(len);
            c.out += char(len >> 8);
            c.out += char(len);
            size_t at = c.out.size();
            c.out.append(m, len);
            c.out[at] = char(c.next >> 8);
            c.out[at + 1] = char(c.next);
            c.s[c.next] = {due, now};
            c.next++;
            c.live++;
            src.i++;
        };
        if (gap) {
            while (src.i < total && double(now - t0) >= gap * double(src.i))
                push(cs[rr++ % cs.size()], t0 + uint64_t(gap * double(src.i)));
        } else
            for (auto& c : cs)
                while (src.i < total && c.live < per) push(c, now);
        for (size_t k = 0; k < cs.size(); k++) {
            Conn& c = cs[k];
            if (c.done < c.out.size()) {
                ssize_t w = send(c.fd, c.out.data() + c.done, c.out.size() - c.done, MSG_NOSIGNAL);
                if (w > 0) c.done += w;
                if (c.done == c.out.size()) {
                    c.out.clear();
                    c.done = 0;
                }
            }
            pf[k] = {c.fd, short(POLLIN | (c.out.empty() ? 0 : POLLOUT)), 0};
        }
        if (poll(pf.data(), pf.size(), gap ? 0 : 10) <= 0) continue;
        for (size_t k = 0; k < cs.size(); k++) {
            if (!(pf[k].revents & (POLLIN | POLLHUP | POLLERR))) continue;
            Conn& c = cs[k];
            ssize_t n = recv(c.fd, buf.data(), buf.size(), 0);
            if (n == 0 || (n < 0 && errno != EAGAIN)) {
                close(c.fd);
                g_reconnect++;
                if (++fruitless > 2000) die("server keeps closing TCP connections");
                open_conn(c);
                continue;
            }
            if (n < 0) continue;
            fruitless = 0;
            int one = 1;  // no delayed ACK: a server without TCP_NODELAY would stall on it
            setsockopt(c.fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
            uint64_t t = now_ns();
            last = t;
            c.in.insert(c.in.end(), buf.begin(), buf.begin() + n);
            size_t p = 0;
            while (c.in.size() - p >= 14) {
                size_t len = size_t(c.in[p]) << 8 | c.in[p + 1];
                if (c.in.size() - p - 2 < len) break;
                const uint8_t* m = c.in.data() + p + 2;
                Slot& sl = c.s[uint16_t(m[0] << 8 | m[1])];
                if (sl.due) {
                    g_lat.add(t - sl.due);
                    g_svc.add(t - sl.sent);
                    sl.due = 0;
                    c.live--;
                    on_answer(m, len);
                } else
                    g_stray++;
                p += 2 + len;
            }
            c.in.erase(c.in.begin(), c.in.begin() + p);
        }
    }
    o_count = src.i;
    return double(last - t0) / 1e9;
}

static const char kHelp[] =
    "usage: dnsload --queries FILE [options]     (prints one JSON object)\n"
    "  --server IP --port N   target (127.0.0.1, 53)\n"
    "  --count N              queries to send (default: file once; wraps around)\n"
    "  --skip N               start at query N of the file\n"
    "  --seconds S            run for S seconds instead of a count\n"
    "  --window W             closed loop: queries in flight (256)\n"
    "  --rate R               open loop at R queries/s, latency from intended send time\n"
    "  --socks S              UDP sockets or TCP connections (8)\n"
    "  --batch B              sendmmsg/recvmmsg batch (32; 1 = plain)\n"
    "  --tcp                  pipelined TCP\n"
    "  --no-edns | --do       without EDNS | with the DO bit;  --bufsize N (1232)\n"
    "  --rt PRIO              SCHED_FIFO once the queries are loaded (root)\n"
    "  --timeout S            after this a query is lost (1.0)\n"
    "Latencies in microseconds: latency_us from intended send, service_us from actual\n"
    "send, late_us = how late the generator itself was (large = noisy machine).\n";

int main(int argc, char** argv) {
    uint64_t load_limit = 4000000;
    for (int i = 1; i < argc; i++) {
        string a = argv[i];
        auto v = [&]() -> const char* {
            if (i + 1 >= argc) die(a + " needs a value");
            return argv[++i];
        };
        if (a == "--server")
            o_server = v();
        else if (a == "--port")
            o_port = atoi(v());
        else if (a == "--queries")
            o_file = v();
        else if (a == "--count")
            o_count = strtoull(v(), nullptr, 10);
        else if (a == "--skip")
            o_skip = strtoull(v(), nullptr, 10);
        else if (a == "--seconds")
            o_seconds = atof(v());
        else if (a == "--window")
            o_window = atoi(v());
        else if (a == "--rate")
            o_rate = atof(v());
        else if (a == "--socks")
            o_socks = atoi(v());
        else if (a == "--batch")
            o_batch = atoi(v());
        else if (a == "--bufsize")
            o_bufsize = atoi(v());
        else if (a == "--rt")
            o_rt = atoi(v());
        else if (a == "--timeout")
            o_timeout = atof(v());
        else if (a == "--tcp")
            o_tcp = true;
        else if (a == "--no-edns")
            o_edns = false;
        else if (a == "--do")
            o_do = true;
        else if (a == "--help" || a == "-h") {
            fputs(kHelp, stdout);
            return 0;
        } else {
            fputs(kHelp, stderr);
            return 2;
        }
    }
    if (o_file.empty() || o_batch < 1 || o_batch > 512 || o_socks < 1 || o_window < 1) {
        fputs(kHelp, stderr);
        return 2;
    }
    if (o_count)
        load_limit = o_skip + o_count;
    else if (o_rate > 0 && o_seconds > 0)
        load_limit = o_skip + uint64_t(o_rate * o_seconds) + 1;
    Queries q = load(o_file, load_limit, o_edns, o_do, o_bufsize);
    if (o_rt) {  // after loading: the spinning part must stay short (see bench_serve.py)
        sched_param sp{};
        sp.sched_priority = o_rt;
        if (sched_setscheduler(0, SCHED_FIFO, &sp)) perror("dnsload: --rt");
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(uint16_t(o_port));
    if (inet_pton(AF_INET, o_server.c_str(), &to.sin_addr) != 1) die("bad --server");
    double sec = o_tcp ? run_tcp(q, to) : run_udp(q, to);
    rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    printf(
        "{\"proto\": \"%s\", \"mode\": \"%s\", \"sent\": %llu, \"received\": %llu, \"lost\": %llu, "
        "\"stray\": %llu, \"seconds\": %.4f, \"qps\": %.1f, ",
        o_tcp ? "tcp" : "udp", o_rate > 0 ? "open" : "closed", (unsigned long long)o_count,
        (unsigned long long)g_recv, (unsigned long long)g_lost, (unsigned long long)g_stray, sec,
        sec > 0 ? g_recv / sec : 0);
    if (o_rate > 0)
        printf("\"rate\": %.1f, ", o_rate);
    else
        printf("\"window\": %d, ", o_window);
    printf("\"rcodes\": {");
    static const char* const rn[16] = {
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "6",  "7",
        "8",       "9",       "10",       "11",       "12",     "13",      "14", "15"};
    const char* sep = "";
    for (int i = 0; i < 16; i++)
        if (g_rcode[i]) {
            printf("%s\"%s\": %llu", sep, rn[i], (unsigned long long)g_rcode[i]);
            sep = ", ";
        }
    printf(
        "}, \"aa\": %llu, \"tc\": %llu, \"answer_bytes\": %.1f, \"reconnects\": %llu, "
        "\"generator_cpu_s\": %.3f, ",
        (unsigned long long)g_aa, (unsigned long long)g_tc, g_recv ? double(g_bytes) / g_recv : 0,
        (unsigned long long)g_reconnect,
        ru.ru_utime.tv_sec + ru.ru_stime.tv_sec +
            (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    print_hist("latency_us", g_lat);
    printf(", ");
    print_hist("service_us", g_svc);
    if (o_rate > 0) {
        printf(", ");
        print_hist("late_us", g_late);
    }
    puts("}");
}
