// Preloaded into zonectl by hotpath_test.py: counts what the threads that answer UDP allocate and
// lock.
//
// A thread is a worker once it has called recvmmsg. The counts go into the file that
// ZONECTL_HOTPATH names, mapped, so that the test reads them while the server runs.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// Read by hotpath_test.py: five little-endian numbers of 64 bits.
struct Counts {
    std::atomic<std::uint64_t> batches, received, allocations, frees, locks;
};

Counts spare;
Counts* counts = &spare;
// initial-exec: the first access must not itself allocate.
__attribute__((tls_model("initial-exec"))) thread_local bool worker = false;

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

void note(std::atomic<std::uint64_t> Counts::*what) {
    if (worker) (counts->*what).fetch_add(1, std::memory_order_relaxed);
}

__attribute__((constructor)) void map_counts() {
    const char* path = std::getenv("ZONECTL_HOTPATH");
    if (path == nullptr) return;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof(Counts)) != 0) std::abort();
    void* at = mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) std::abort();
    counts = static_cast<Counts*>(at);
    close(fd);
}

}  // namespace

// glibc's own allocator under the names it also has, so that no dlsym is needed on these paths.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) {
    note(&Counts::allocations);
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    note(&Counts::allocations);
    return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
    note(&Counts::allocations);
    return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    note(&Counts::allocations);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
    note(&Counts::allocations);
    *out = __libc_memalign(alignment, size);
    return *out == nullptr ? 12 : 0;
}
void free(void* memory) {
    if (memory != nullptr) note(&Counts::frees);
    __libc_free(memory);
}

#define ZC_COUNT_LOCK(name, type)                          \
    int name(type* lock) {                                 \
        static auto* const real = next<int(type*)>(#name); \
        note(&Counts::locks);                              \
        return real(lock);                                 \
    }
ZC_COUNT_LOCK(pthread_mutex_lock, pthread_mutex_t)
ZC_COUNT_LOCK(pthread_mutex_trylock, pthread_mutex_t)
ZC_COUNT_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
ZC_COUNT_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)

int recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags,
             struct timespec* timeout) {
    static auto* const real =
        next<int(int, struct mmsghdr*, unsigned, int, struct timespec*)>("recvmmsg");
    const int n = real(fd, messages, count, flags, timeout);
    worker = true;
    if (n > 0) {
        note(&Counts::batches);
        counts->received.fetch_add(static_cast<std::uint64_t>(n), std::memory_order_relaxed);
    }
    return n;
}
}
