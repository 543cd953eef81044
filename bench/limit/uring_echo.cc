// uring_echo - UDP echo with io_uring: multishot recvmsg into a provided-buffer ring,
// answers queued as sendmsg, one io_uring_enter per batch.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>

int main(int argc, char** argv) {
    int port = 5300, bufs = 1024;
    bool sqpoll = false;
    for (int i = 1; i < argc; i++) {
        std::string a = argv[i];
        if (a == "--port" && i + 1 < argc)
            port = atoi(argv[++i]);
        else if (a == "--sqpoll")
            sqpoll = true;
        else {
            fputs("usage: uring_echo [--port 5300] [--sqpoll]\n", stderr);
            return a == "--help" ? 0 : 2;
        }
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0), sz = 4 << 20, one = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &sz, sizeof sz);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(uint16_t(port));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (sockaddr*)&a, sizeof a)) {
        perror("bind");
        return 1;
    }

    io_uring ring;
    io_uring_params p{};
    p.flags = sqpoll ? IORING_SETUP_SQPOLL
                     : IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
                           (1u << 13);  // DEFER_TASKRUN
    p.flags |= IORING_SETUP_CQSIZE;
    p.cq_entries = 4096;
    p.sq_thread_idle = 100;
    int r = io_uring_queue_init_params(2048, &ring, &p);
    if (r < 0) {
        fprintf(stderr, "io_uring: %s\n", strerror(-r));
        return 1;
    }

    const size_t bsz = 2048;
    size_t rsz = size_t(bufs) * sizeof(io_uring_buf);
    auto* br = (io_uring_buf_ring*)mmap(nullptr, rsz, PROT_READ | PROT_WRITE,
                                        MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    io_uring_buf_reg reg{};
    reg.ring_addr = (uintptr_t)br;
    reg.ring_entries = uint32_t(bufs);
    reg.bgid = 1;
    if ((r = io_uring_register_buf_ring(&ring, &reg, 0)) < 0) {
        fprintf(stderr, "buf ring: %s\n", strerror(-r));
        return 1;
    }
    io_uring_buf_ring_init(br);
    std::vector<uint8_t> mem(bufs * bsz);
    int mask = bufs - 1;
    for (int i = 0; i < bufs; i++)
        io_uring_buf_ring_add(br, &mem[i * bsz], bsz, uint16_t(i), mask, i);
    io_uring_buf_ring_advance(br, bufs);

    msghdr proto{};
    proto.msg_namelen = sizeof(sockaddr_in);
    std::vector<msghdr> sm(bufs);
    std::vector<iovec> sv(bufs);
    auto arm = [&] {
        io_uring_sqe* s = io_uring_get_sqe(&ring);
        io_uring_prep_recvmsg_multishot(s, fd, &proto, MSG_TRUNC);
        s->flags |= IOSQE_BUFFER_SELECT;
        s->buf_group = 1;
        io_uring_sqe_set_data64(s, ~0ull);
    };
    auto give_back = [&](int id) {
        io_uring_buf_ring_add(br, &mem[id * bsz], bsz, uint16_t(id), mask, 0);
        io_uring_buf_ring_advance(br, 1);
    };
    arm();
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        io_uring_cqe* c;
        unsigned head, n = 0;
        bool rearm = false;
        io_uring_for_each_cqe(&ring, head, c) {
            n++;
            if (c->user_data != ~0ull) {
                give_back(int(c->user_data));
                continue;
            }
            if (!(c->flags & IORING_CQE_F_MORE)) rearm = true;
            if (c->res < 0 || !(c->flags & IORING_CQE_F_BUFFER)) continue;
            int id = c->flags >> IORING_CQE_BUFFER_SHIFT;
            io_uring_recvmsg_out* o = io_uring_recvmsg_validate(&mem[id * bsz], c->res, &proto);
            uint8_t* pl = o ? (uint8_t*)io_uring_recvmsg_payload(o, &proto) : nullptr;
            unsigned len = o ? io_uring_recvmsg_payload_length(o, c->res, &proto) : 0;
            io_uring_sqe* s = len >= 12 ? io_uring_get_sqe(&ring) : nullptr;
            if (!s && len >= 12) {
                io_uring_submit(&ring);
                s = io_uring_get_sqe(&ring);
            }
            if (!s) {
                give_back(id);
                continue;
            }
            pl[2] |= 0x84;
            sv[id] = {pl, len};
            sm[id] = {};
            sm[id].msg_name = io_uring_recvmsg_name(o);
            sm[id].msg_namelen = sizeof(sockaddr_in);
            sm[id].msg_iov = &sv[id];
            sm[id].msg_iovlen = 1;
            io_uring_prep_sendmsg(s, fd, &sm[id], 0);
            io_uring_sqe_set_data64(s, uint64_t(id));
        }
        io_uring_cq_advance(&ring, n);
        if (rearm) arm();
    }
}
