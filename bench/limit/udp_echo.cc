// udp_echo - the kernel-UDP floor: returns every packet with the QR bit set.
// The floor: a DNS server cannot beat it with ordinary sockets on the same machine.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static int o_port = 5300, o_threads = 1, o_batch = 32, o_pad = 0, o_any = 0;

static void worker() {
    int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1, buf = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buf, sizeof buf);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(uint16_t(o_port));
    a.sin_addr.s_addr = htonl(o_any ? INADDR_ANY : INADDR_LOOPBACK);
    if (bind(fd, (sockaddr*)&a, sizeof a)) {
        perror("bind");
        exit(1);
    }
    if (o_batch == 1) {
        uint8_t b[4096] = {};
        for (;;) {
            sockaddr_in from;
            socklen_t fl = sizeof from;
            ssize_t n = recvfrom(fd, b, sizeof b, 0, (sockaddr*)&from, &fl);
            if (n < 12) continue;
            b[2] |= 0x84;
            if (n < o_pad) n = o_pad;
            sendto(fd, b, n, 0, (sockaddr*)&from, fl);
        }
    }
    std::vector<std::vector<uint8_t>> b(o_batch, std::vector<uint8_t>(4096));
    std::vector<sockaddr_in> from(o_batch);
    std::vector<iovec> v(o_batch);
    std::vector<mmsghdr> m(o_batch);
    for (;;) {
        for (int i = 0; i < o_batch; i++) {
            v[i] = {b[i].data(), 4096};
            m[i] = {};
            m[i].msg_hdr.msg_iov = &v[i];
            m[i].msg_hdr.msg_iovlen = 1;
            m[i].msg_hdr.msg_name = &from[i];
            m[i].msg_hdr.msg_namelen = sizeof from[i];
        }
        int n = recvmmsg(fd, m.data(), o_batch, MSG_WAITFORONE, nullptr);
        if (n <= 0) continue;
        for (int i = 0; i < n; i++) {
            b[i][2] |= 0x84;
            v[i].iov_len = std::max<size_t>(m[i].msg_len, o_pad);
        }
        for (int s = 0; s < n;) {
            int k = sendmmsg(fd, &m[s], n - s, 0);
            if (k <= 0) break;
            s += k;
        }
    }
}

int main(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
        std::string a = argv[i];
        int* t = a == "--port"      ? &o_port
                 : a == "--threads" ? &o_threads
                 : a == "--batch"   ? &o_batch
                 : a == "--pad"     ? &o_pad
                 : a == "--any"     ? &o_any
                                    : nullptr;
        if (!t || i + 1 >= argc) {
            fputs(
                "usage: udp_echo [--port 5300] [--threads 1] [--batch 32; 1 = recvfrom/sendto] "
                "[--pad BYTES: answer at least this long] [--any 1: not only loopback]\n",
                a == "--help" ? stdout : stderr);
            return a == "--help" ? 0 : 2;
        }
        *t = atoi(argv[++i]);
    }
    if (o_batch < 1 || o_pad > 4096) return 2;
    std::vector<std::thread> t;
    for (int i = 0; i < o_threads; i++) t.emplace_back(worker);
    for (auto& x : t) x.join();
}
