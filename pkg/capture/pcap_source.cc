#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio_ext.h>
#include <unistd.h>

#include "capture/packets.h"
#include "capture/sources.h"
#include "runtime/clock.h"
#include "runtime/random.h"

namespace zc::capture {

namespace {

constexpr std::size_t file_buffer_octets = std::size_t{256} << 10;
constexpr int snapshot_octets = 262144;         // libpcap's own: whatever a packet has
constexpr int kernel_buffer_octets = 32 << 20;  // half a second at 60 MB/s
constexpr base::Duration live_wait = base::Duration::milliseconds(100);
constexpr int kernel_wait_milliseconds = 20;  // how long it collects before it wakes us
constexpr base::Duration overrun_every = base::Duration::seconds(1);

struct ClosePcap {
    void operator()(pcap_t* pcap) const noexcept { pcap_close(pcap); }
};
using Pcap = std::unique_ptr<pcap_t, ClosePcap>;

std::string link_name(int link_type) {
    const char* const name = pcap_datalink_val_to_name(link_type);
    return name != nullptr ? name : "number " + std::to_string(link_type);
}

Error wrong_link(const std::string& where, int link_type) {
    return {Errc::unsupported,
            "link type " + link_name(link_type) +
                ", wanted EN10MB, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, NULL or LOOP",
            {where, 0}};
}

struct FileCookie {
    Input* input;
    std::optional<Error> failed;
};

ssize_t read_cookie(void* cookie, char* out, std::size_t count) {
    auto* const file = static_cast<FileCookie*>(cookie);
    const auto got = file->input->read({reinterpret_cast<std::uint8_t*>(out), count});
    if (got) return static_cast<ssize_t>(*got);
    file->failed = got.error();
    errno = EIO;
    return -1;
}

/// The common part of a capture file and an interface.
class PcapSource : public Source {
public:
    bool ended() const noexcept override { return ended_; }
    const SourceCounts& counts() const noexcept override { return counts_; }

protected:
    PcapSource(Pcap pcap, const SourceOptions& options, std::uint64_t seed)
        : pcap_(std::move(pcap)),
          nanoseconds_a_tick_(
              pcap_get_tstamp_precision(pcap_.get()) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000),
          pairing_(options.answers, seed, counts_),
          packets_(pcap_datalink(pcap_.get()), options.port, pairing_) {}

    pcap_t* pcap() noexcept { return pcap_.get(); }
    Pairing& pairing() noexcept { return pairing_; }
    std::uint64_t last_query() const noexcept { return pairing_.last(); }
    /// 1: a packet was taken. Else what libpcap says.
    int next() {
        pcap_pkthdr* header = nullptr;
        const u_char* octets = nullptr;
        const int code = pcap_next_ex(pcap_.get(), &header, &octets);
        if (code != 1) return code;
        // A time that no capture can have is none: pcapng's has 64 bits, in units of the file's
        // own.
        constexpr std::int64_t seconds_max = 4'000'000'000;  // in 2096
        const std::int64_t seconds = header->ts.tv_sec;
        const std::int64_t ticks = header->ts.tv_usec;
        base::Instant at;
        if (seconds >= 0 && seconds < seconds_max && ticks >= 0 && ticks < 1'000'000'000)
            at.nanoseconds = seconds * 1'000'000'000 + ticks * nanoseconds_a_tick_;
        packets_.add({octets, header->caplen}, header->len, at);
        return 1;
    }
    void finish() { packets_.finish(); }
    void close() noexcept { pcap_.reset(); }
    void end() noexcept { ended_ = true; }

    SourceCounts counts_;

private:
    Pcap pcap_;
    const std::int64_t nanoseconds_a_tick_;
    Pairing pairing_;
    Packets packets_;
    bool ended_ = false;
};

class PcapFile final : public PcapSource {
public:
    PcapFile(std::unique_ptr<Input> input, std::unique_ptr<FileCookie> cookie, Pcap pcap,
             const SourceOptions& options, std::uint64_t seed)
        : PcapSource(std::move(pcap), options, seed),
          input_(std::move(input)),
          cookie_(std::move(cookie)) {}
    // libpcap closes its FILE, which knows the cookie.
    ~PcapFile() override { close(); }
    PcapFile(const PcapFile&) = delete;
    PcapFile& operator=(const PcapFile&) = delete;

    Status read(Batch& batch) override {
        batch.clear();
        for (;;) {
            pairing().drain(batch);
            if (batch.full()) return {};
            if (finished_) {
                if (batch.size() != 0) return {};
                end();
                if (error_) return tl::unexpected<Error>(*std::exchange(error_, std::nullopt));
                return {};
            }
            const int code = next();
            if (code == 1) continue;
            if (code != PCAP_ERROR_BREAK) stop_at_error();
            finish();
            finished_ = true;
        }
    }
    Status resume_behind(std::uint64_t position) override {
        pairing().resume_behind(position);
        return {};
    }
    std::uint64_t expected() const noexcept override { return extrapolate(last_query(), *input_); }
    bool resumable() const noexcept override { return input_->repeats(); }

private:
    void stop_at_error() {
        const std::string words = pcap_geterr(pcap());
        if (cookie_->failed) {
            error_ = cookie_->failed;
        } else if (words.find("truncated") != std::string::npos) {
            pairing().skip(Skipped::cut_short);
        } else {
            // Interfaces with link types of their own in one pcapng file: libpcap has one for all.
            const bool types = words.find("different from the type") != std::string::npos;
            error_ = Error{types ? Errc::unsupported : Errc::malformed, words, {input_->name(), 0}};
        }
    }

    std::unique_ptr<Input> input_;
    std::unique_ptr<FileCookie> cookie_;
    std::optional<Error> error_;
    bool finished_ = false;
};

class Interface final : public PcapSource {
public:
    Interface(Pcap opened, std::string name, int descriptor, const SourceOptions& options,
              std::uint64_t seed)
        : PcapSource(std::move(opened), options, seed),
          name_(std::move(name)),
          descriptor_(descriptor) {}

    Status read(Batch& batch) override {
        batch.clear();
        const base::Duration until = runtime::monotonic() + live_wait;
        for (;;) {
            pairing().drain(batch);
            if (batch.full()) return {};
            const int code = next();
            if (code < 0) {
                end();
                return fail(Errc::io, pcap_geterr(pcap()), {name_, 0});
            }
            if (code == 1) continue;
            // Nothing there now: what waits for an answer grows old all the same.
            pairing().advance(runtime::now());
            pairing().drain(batch);
            count_overruns();
            const base::Duration left = until - runtime::monotonic();
            if (batch.size() != 0 || left <= base::Duration{}) return {};
            pollfd ready{descriptor_, POLLIN, 0};
            const auto milliseconds = static_cast<int>(left.nanoseconds / 1'000'000 + 1);
            if (::poll(&ready, 1, milliseconds) < 0 && errno != EINTR)
                return base::fail_errno(errno, "poll " + name_);
        }
    }
    Status resume_behind(std::uint64_t) override { return {}; }
    bool live() const noexcept override { return true; }

private:
    void count_overruns() {
        const base::Duration now = runtime::monotonic();
        if (now - asked_ < overrun_every) return;
        asked_ = now;
        pcap_stat stat{};
        if (pcap_stats(pcap(), &stat) != 0) return;
        // Their counters have 32 bits and go round.
        pairing().skip(Skipped::overrun, stat.ps_drop - dropped_);
        dropped_ = stat.ps_drop;
    }

    const std::string name_;
    const int descriptor_;
    base::Duration asked_{};
    u_int dropped_ = 0;
};

}  // namespace

bool begins_pcap(base::Octets head) noexcept {
    if (head.size() < 4) return false;
    // pcap with microseconds or nanoseconds, and as other programs once wrote it, either end first;
    // the section header of pcapng.
    for (const std::uint32_t magic : {0xa1b2c3d4U, 0xa1b23c4dU, 0xa1b2cd34U}) {
        const std::uint32_t found = base::load_u32(head.data());
        if (found == magic || found == __builtin_bswap32(magic)) return true;
    }
    return base::load_u32(head.data()) == 0x0a0d0d0aU;
}

Result<std::unique_ptr<Source>> open_pcap(std::unique_ptr<Input> input,
                                          const SourceOptions& options) {
    auto cookie = std::make_unique<FileCookie>(FileCookie{input.get(), std::nullopt});
    // Not fopen: the head has been read already, and a pipe cannot go back.
    std::FILE* const file =
        ::fopencookie(cookie.get(), "r",
                      {.read = read_cookie, .write = nullptr, .seek = nullptr, .close = nullptr});
    if (file == nullptr) return base::fail_errno(errno, "fopencookie");
    // Two reads a packet: a lock each costs as much as the packet.
    static_cast<void>(::__fsetlocking(file, FSETLOCKING_BYCALLER));
    static_cast<void>(std::setvbuf(file, nullptr, _IOFBF, file_buffer_octets));
    char words[PCAP_ERRBUF_SIZE] = {};
    Pcap pcap(pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, words));
    if (!pcap) {
        static_cast<void>(std::fclose(file));
        return fail(Errc::malformed, words, {input->name(), 0});
    }
    const int link_type = pcap_datalink(pcap.get());
    if (!Packets::knows(link_type))
        return tl::unexpected<Error>(wrong_link(input->name(), link_type));
    ZC_TRY(const std::uint64_t seed, runtime::random_value<std::uint64_t>());
    return std::unique_ptr<Source>(std::make_unique<PcapFile>(std::move(input), std::move(cookie),
                                                              std::move(pcap), options, seed));
}

Result<std::unique_ptr<Source>> listen_interface(const std::string& interface,
                                                 const SourceOptions& options) {
    char words[PCAP_ERRBUF_SIZE] = {};
    Pcap pcap(pcap_create(interface.c_str(), words));
    const auto failed = [&](Errc code, const std::string& why) {
        return fail(code, why, {interface, 0});
    };
    if (!pcap) return failed(Errc::io, words);
    pcap_set_snaplen(pcap.get(), snapshot_octets);
    pcap_set_promisc(pcap.get(), 0);
    pcap_set_timeout(pcap.get(), kernel_wait_milliseconds);
    pcap_set_buffer_size(pcap.get(), kernel_buffer_octets);
    // Where it cannot, microseconds will do: the handle says which it is.
    pcap_set_tstamp_precision(pcap.get(), PCAP_TSTAMP_PRECISION_NANO);
    if (const int code = pcap_activate(pcap.get()); code < 0) {
        std::string why = pcap_geterr(pcap.get());
        if (why.empty()) why = pcap_statustostr(code);
        return failed(code == PCAP_ERROR_NO_SUCH_DEVICE ? Errc::not_found : Errc::io, why);
    }
    const int link_type = pcap_datalink(pcap.get());
    if (!Packets::knows(link_type)) return tl::unexpected<Error>(wrong_link(interface, link_type));
    // Fragments but the first have no port. Behind a VLAN tag all is elsewhere in the packet.
    const std::string port = std::to_string(options.port);
    const std::string ours = "(udp port " + port + " or tcp port " + port +
                             " or (ip[6:2] & 0x1fff != 0) or (ip6[6] = 44))";
    bpf_program filter{};
    const std::string with_vlan = ours + " or (vlan and " + ours + ")";
    if (pcap_compile(pcap.get(), &filter, (link_type == DLT_EN10MB ? with_vlan : ours).c_str(), 1,
                     PCAP_NETMASK_UNKNOWN) != 0)
        return failed(Errc::io, pcap_geterr(pcap.get()));
    const int set = pcap_setfilter(pcap.get(), &filter);
    pcap_freecode(&filter);
    if (set != 0 || pcap_setnonblock(pcap.get(), 1, words) != 0)
        return failed(Errc::io, set != 0 ? pcap_geterr(pcap.get()) : words);
    const int descriptor = pcap_get_selectable_fd(pcap.get());
    if (descriptor < 0) return failed(Errc::io, "cannot be waited for");
    ZC_TRY(const std::uint64_t seed, runtime::random_value<std::uint64_t>());
    return std::unique_ptr<Source>(
        std::make_unique<Interface>(std::move(pcap), interface, descriptor, options, seed));
}

}  // namespace zc::capture
