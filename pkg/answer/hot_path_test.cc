// Answering allocates nothing and takes no lock: the allocator and the locks of this program are
// its own, and count. Not with sanitizers, which have allocators and locks of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <pthread.h>

#include "answer/answer.h"
#include "dns/message.h"
#include "dns/presentation.h"

namespace {

bool counting = false;
std::size_t allocations = 0, locks = 0;

template <class Function>
Function* next(const char* name) {
    void* found = dlsym(RTLD_NEXT, name);
    if (found == nullptr) std::abort();
    return reinterpret_cast<Function*>(found);
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t);               // NOLINT(bugprone-reserved-identifier): glibc's own
void* __libc_calloc(std::size_t, std::size_t);  // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void*, std::size_t);       // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT(bugprone-reserved-identifier)
void __libc_free(void*);                          // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t size) {
    allocations += counting;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    allocations += counting;
    return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
    allocations += counting;
    return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    allocations += counting;
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
    allocations += counting;
    *out = __libc_memalign(alignment, size);
    return *out == nullptr ? 12 : 0;
}
void free(void* old) {
    allocations += counting && old != nullptr;
    __libc_free(old);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
    static auto* const real = next<int(pthread_mutex_t*)>("pthread_mutex_lock");
    locks += counting;
    return real(mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
    static auto* const real = next<int(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
    locks += counting;
    return real(lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
    static auto* const real = next<int(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
    locks += counting;
    return real(lock);
}
int pthread_spin_lock(pthread_spinlock_t* lock) {
    static auto* const real = next<int(pthread_spinlock_t*)>("pthread_spin_lock");
    locks += counting;
    return real(lock);
}

}  // extern "C"

namespace zc::answer {
namespace {

void insert(catalogue::Catalogue& zones, std::string_view text) {
    zone::Builder builder;
    bool begun = false;
    const auto report =
        dns::read_master(text, {}, [&](const dns::RecordView& record, std::uint64_t) {
            if (!begun) builder.begin(record.owner);
            begun = true;
            return builder.add(record);
        });
    auto image = builder.build();
    REQUIRE(report.errors.empty());
    REQUIRE(image.has_value());
    const dns::Name apex(zone::Zone(image->octets().data()).apex());
    zones.insert({apex, *std::move(image)});
}

TEST_CASE("the counters of this test count") {
    // Through pointers, or the compiler leaves both out.
    void* (*volatile allocate)(std::size_t) = &std::malloc;
    int (*volatile lock)(pthread_mutex_t*) = &pthread_mutex_lock;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);  // finds the real one, which may allocate
    pthread_mutex_unlock(&mutex);
    allocations = locks = 0;
    counting = true;
    void* memory = allocate(1);
    std::free(memory);
    auto owned = std::make_unique<std::vector<int>>(3);
    lock(&mutex);
    counting = false;
    pthread_mutex_unlock(&mutex);
    CHECK(owned->size() == 3);
    CHECK(allocations == 4);
    CHECK(locks == 1);
}

TEST_CASE("answering allocates nothing and takes no lock") {
    catalogue::Catalogue zones(1);
    std::string big = "big.test. 60 SOA ns.big.test. hm.big.test. 1 2 3 4 5\n";
    for (int i = 0; i < 300; ++i)
        big += "n" + std::to_string(i) + ".big.test. 60 A 192.0.2.1\nmx.big.test. 60 MX 1 n" +
               std::to_string(i) + ".big.test.\n";
    insert(zones, big);
    insert(zones, R"($ORIGIN n.test.
@ 60 SOA ns hm 1 2 3 4 5
@ 60 NSEC a SOA NSEC
a 60 CNAME x.w
a 60 NSEC *.w CNAME NSEC
*.w 60 CNAME q.o.test.
*.w 60 NSEC d CNAME NSEC
d 60 DNAME big.test.
d 60 NSEC cut DNAME NSEC
cut 60 NS ns.cut
ns.cut 60 A 192.0.2.1
cut 60 NSEC @ NS NSEC
flat 60 ALIAS n1.d
round 60 ALIAS round
)");
    insert(zones, R"($ORIGIN o.test.
@ 60 SOA ns hm 1 2 3 4 5
@ 60 NSEC3PARAM 1 0 10 abcd
00000000000000000000000000000000 60 NSEC3 1 1 10 abcd 80000000000000000000000000000000 A
80000000000000000000000000000000 60 NSEC3 1 1 10 abcd 00000000000000000000000000000000 A
*.q 60 A 192.0.2.1
cut 60 NS ns.cut
)");
    Identity node;
    node.nsid = "a name of this node that is longer than a small string";
    node.version = node.hostname = node.nsid;
    node.cookies.current.fill(3);
    node.cookies.previous.fill(4);

    static constexpr const char* names[] = {"a.n.test.",     "x.w.n.test.",   "n1.d.n.test.",
                                            "x.cut.n.test.", "cut.n.test.",   "no.n.test.",
                                            "n.test.",       "n7.big.test.",  "mx.big.test.",
                                            "no.big.test.",  "q.q.o.test.",   "x.y.cut.o.test.",
                                            "no.o.test.",    "o.test.",       "elsewhere.",
                                            "flat.n.test.",  "round.n.test.", ".",
                                            "version.bind."};
    static constexpr dns::RrType types[] = {
        dns::RrType::a,    dns::RrType::mx,    dns::RrType::any,
        dns::RrType::ds,   dns::RrType::rrsig, dns::RrType::soa,
        dns::RrType::axfr, dns::RrType::cname, dns::RrType::nsec};
    std::vector<std::vector<std::uint8_t>> queries;
    for (const char* name : names) {
        for (const dns::RrType type : types) {
            for (const bool edns : {false, true}) {
                dns::QueryOptions options;
                if (std::string_view(name) == "version.bind.") options.qclass = dns::RrClass::ch;
                if (edns) {
                    dns::Edns opt;
                    opt.dnssec_ok = true;
                    opt.options = {{3, {}}, {10, {1,    2,    3,    4, 5, 6, 7, 8, 1, 0, 0, 0,
                                                  0x65, 0x53, 0xf1, 0, 1, 2, 3, 4, 5, 6, 7, 8}}};
                    options.edns = opt;
                }
                queries.push_back(dns::encode_query(*dns::Name::parse(name), type, options));
            }
        }
    }
    for (std::size_t size = 0; size < 40; ++size)
        queries.push_back(std::vector<std::uint8_t>(
            queries[1].begin(), queries[1].begin() + static_cast<std::ptrdiff_t>(size)));

    std::vector<std::array<std::uint8_t, 65535>> buffers(batch_max);
    std::size_t answers = 0;
    allocations = locks = 0;
    for (const auto transport : {dns::Transport::udp, dns::Transport::tcp}) {
        for (std::size_t at = 0; at < queries.size(); at += batch_max) {
            std::array<Exchange, batch_max> batch;
            const std::size_t count = std::min(batch_max, queries.size() - at);
            for (std::size_t i = 0; i < count; ++i)
                batch[i] = {queries[at + i],
                            buffers[i],
                            {transport, {{192, 0, 2, 1}, 4}, {1'700'000'000'000'000'000}, &node},
                            {}};
            counting = true;
            respond(std::span(batch).first(count), zones);
            counting = false;
            for (std::size_t i = 0; i < count; ++i)
                answers += batch[i].outcome.response_octets != 0;
        }
    }
    CHECK(answers > 600);
    CHECK(allocations == 0);
    CHECK(locks == 0);
}

}  // namespace
}  // namespace zc::answer

#endif
