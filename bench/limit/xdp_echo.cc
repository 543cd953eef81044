// xdp_echo - kernel-bypass floor: AF_XDP echo on one queue of an interface, or an answer
// from the XDP hook itself. Run through limit/floor.sh, which builds the veth pair.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

static volatile sig_atomic_t g_stop;

int main(int argc, char** argv) {
    std::string dev, obj, prog = "redirect";
    bool skb = false, busy = false;
    for (int i = 1; i < argc; i++) {
        std::string a = argv[i];
        if (a == "--dev" && i + 1 < argc)
            dev = argv[++i];
        else if (a == "--obj" && i + 1 < argc)
            obj = argv[++i];
        else if (a == "--prog" && i + 1 < argc)
            prog = argv[++i];
        else if (a == "--generic")
            skb = true;
        else if (a == "--busy")
            busy = true;
        else {
            fputs(
                "usage: xdp_echo --dev IF --obj xdp_echo_kern.o [--prog redirect|answer|pass] "
                "[--generic] [--busy: spin instead of poll]\n",
                stderr);
            return 2;
        }
    }
    signal(SIGTERM, [](int) { g_stop = 1; });
    signal(SIGINT, [](int) { g_stop = 1; });
    int ifi = int(if_nametoindex(dev.c_str()));
    bpf_object* o = bpf_object__open_file(obj.c_str(), nullptr);
    if (!ifi || !o || bpf_object__load(o)) {
        fprintf(stderr, "cannot load %s for %s\n", obj.c_str(), dev.c_str());
        return 1;
    }
    bpf_program* p = bpf_object__find_program_by_name(o, prog.c_str());
    uint32_t flags = skb ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
    int r = p ? bpf_xdp_attach(ifi, bpf_program__fd(p), flags, nullptr) : -ENOENT;
    if (r) {
        fprintf(stderr, "attach %s: %s\n", prog.c_str(), strerror(-r));
        return 1;
    }
    if (prog != "redirect") {
        puts("attached");
        fflush(stdout);
        while (!g_stop) pause();
        bpf_xdp_detach(ifi, flags, nullptr);
        return 0;
    }
    const uint32_t frames = 4096, fsz = 2048;
    void* area = mmap(nullptr, size_t(frames) * fsz, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    xsk_ring_prod fill, tx;
    xsk_ring_cons comp, rx;
    xsk_umem* umem;
    xsk_umem_config uc{};
    uc.fill_size = 4096;
    uc.comp_size = 4096;
    uc.frame_size = fsz;
    if ((r = xsk_umem__create(&umem, area, uint64_t(frames) * fsz, &fill, &comp, &uc))) {
        fprintf(stderr, "umem: %s\n", strerror(-r));
        return 1;
    }
    xsk_socket* xs;
    xsk_socket_config sc{};
    sc.rx_size = 2048;
    sc.tx_size = 2048;
    sc.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    sc.xdp_flags = flags;
    sc.bind_flags = XDP_USE_NEED_WAKEUP | XDP_COPY;
    for (int i = 0;
         i < 50 && (r = xsk_socket__create(&xs, dev.c_str(), 0, umem, &rx, &tx, &sc)) == -EBUSY;
         i++)
        usleep(100000);  // the kernel frees a previous socket's queue asynchronously
    if (r) {
        fprintf(stderr, "xsk: %s\n", strerror(-r));
        return 1;
    }
    int fd = xsk_socket__fd(xs), map = bpf_object__find_map_fd_by_name(o, "xsks");
    uint32_t key = 0, idx = 0;
    if (bpf_map_update_elem(map, &key, &fd, BPF_ANY)) {
        perror("xskmap");
        return 1;
    }
    xsk_ring_prod__reserve(&fill, frames / 2, &idx);
    for (uint32_t i = 0; i < frames / 2; i++)
        *xsk_ring_prod__fill_addr(&fill, idx + i) = uint64_t(i) * fsz;
    xsk_ring_prod__submit(&fill, frames / 2);
    puts("attached");
    fflush(stdout);
    pollfd pf{fd, POLLIN, 0};
    while (!g_stop) {
        uint32_t ci, cn = xsk_ring_cons__peek(&comp, 64, &ci);
        if (cn) {
            uint32_t fi;
            if (xsk_ring_prod__reserve(&fill, cn, &fi) == cn)
                for (uint32_t i = 0; i < cn; i++)
                    *xsk_ring_prod__fill_addr(&fill, fi + i) =
                        *xsk_ring_cons__comp_addr(&comp, ci + i);
            xsk_ring_prod__submit(&fill, cn);
            xsk_ring_cons__release(&comp, cn);
        }
        uint32_t ri, n = xsk_ring_cons__peek(&rx, 64, &ri);
        if (!n) {
            if (busy) {
                if (xsk_ring_prod__needs_wakeup(&fill))
                    recvfrom(fd, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
            } else
                poll(&pf, 1, 100);
            continue;
        }
        uint32_t ti;
        while (xsk_ring_prod__reserve(&tx, n, &ti) < n)
            sendto(fd, nullptr, 0, MSG_DONTWAIT, nullptr, 0);
        for (uint32_t i = 0; i < n; i++) {
            const xdp_desc* d = xsk_ring_cons__rx_desc(&rx, ri + i);
            auto* pkt = (uint8_t*)xsk_umem__get_data(area, d->addr);
            auto* e = (ether_header*)pkt;
            auto* ip = (iphdr*)(pkt + sizeof *e);
            auto* u = (udphdr*)(ip + 1);
            uint8_t m[6];
            memcpy(m, e->ether_shost, 6);
            memcpy(e->ether_shost, e->ether_dhost, 6);
            memcpy(e->ether_dhost, m, 6);
            std::swap(ip->saddr, ip->daddr);
            std::swap(u->source, u->dest);
            u->check = 0;
            ((uint8_t*)(u + 1))[2] |= 0x84;
            xdp_desc* t = xsk_ring_prod__tx_desc(&tx, ti + i);
            t->addr = d->addr;
            t->len = d->len;
            t->options = 0;
        }
        xsk_ring_prod__submit(&tx, n);
        xsk_ring_cons__release(&rx, n);
        sendto(fd, nullptr, 0, MSG_DONTWAIT, nullptr, 0);
    }
    xsk_socket__delete(xs);
    bpf_xdp_detach(ifi, flags, nullptr);
}
