// XDP side of the kernel-bypass floor. Three programs:
//   redirect  hands UDP packets for port 5300 to the AF_XDP socket of the queue
//   answer    answers in the driver hook itself: swaps addresses, sets QR|AA, XDP_TX
//   pass      does nothing (needed on the generator's side of a native-mode veth pair)
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 64);
    __type(key, __u32);
    __type(value, __u32);
} xsks SEC(".maps");

static __always_inline int is_dns(struct xdp_md* c, struct ethhdr** e, struct iphdr** ip,
                                  struct udphdr** u) {
    void *d = (void*)(long)c->data, *end = (void*)(long)c->data_end;
    *e = d;
    *ip = d + sizeof(struct ethhdr);
    *u = (void*)*ip + sizeof(struct iphdr);
    if ((void*)*u + sizeof(struct udphdr) + 12 > end) return 0;
    return (*e)->h_proto == bpf_htons(ETH_P_IP) && (*ip)->ihl == 5 &&
           (*ip)->protocol == IPPROTO_UDP && (*u)->dest == bpf_htons(5300);
}

SEC("xdp") int redirect(struct xdp_md* c) {
    struct ethhdr* e;
    struct iphdr* ip;
    struct udphdr* u;
    if (!is_dns(c, &e, &ip, &u)) return XDP_PASS;
    return bpf_redirect_map(&xsks, c->rx_queue_index, XDP_PASS);
}

SEC("xdp") int answer(struct xdp_md* c) {
    struct ethhdr* e;
    struct iphdr* ip;
    struct udphdr* u;
    if (!is_dns(c, &e, &ip, &u)) return XDP_PASS;
    unsigned char m[6];
    __builtin_memcpy(m, e->h_source, 6);
    __builtin_memcpy(e->h_source, e->h_dest, 6);
    __builtin_memcpy(e->h_dest, m, 6);
    __u32 a = ip->saddr;
    ip->saddr = ip->daddr;
    ip->daddr = a;
    __u16 p = u->source;
    u->source = u->dest;
    u->dest = p;
    u->check = 0;
    ((unsigned char*)(u + 1))[2] |= 0x84;
    return XDP_TX;
}

SEC("xdp") int pass(struct xdp_md* c) {
    return XDP_PASS;
}
char _license[] SEC("license") = "GPL";
