#include "ingest/powerdns_export.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/foreign_text.h"
#include "dns/presentation.h"
#include "ingest/denial_chain.h"

namespace zc::ingest {
namespace {

constexpr std::size_t flush_octets = std::size_t{4} << 20;
constexpr std::size_t shown_octets_max = 300;  // of a record in a message

/// One row: columns with tabs between, as COPY's text format has them.
class Row {
public:
    explicit Row(std::string& rows) noexcept : rows_(rows) {}
    Row(const Row&) = delete;
    Row& operator=(const Row&) = delete;
    ~Row() { rows_ += '\n'; }

    Row& text(std::string_view text) {
        separate();
        for (const char octet : text) {
            switch (octet) {
                case '\\':
                    rows_ += "\\\\";
                    break;
                case '\t':
                    rows_ += "\\t";
                    break;
                case '\n':
                    rows_ += "\\n";
                    break;
                case '\r':
                    rows_ += "\\r";
                    break;
                default:
                    rows_ += octet;
            }
        }
        return *this;
    }
    Row& null() {
        separate();
        rows_ += "\\N";
        return *this;
    }
    template <class T>
    Row& number(T value) {
        separate();
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
        rows_.append(digits, end);
        return *this;
    }
    Row& boolean(bool value) {
        separate();
        rows_ += value ? 't' : 'f';
        return *this;
    }
    template <class T>
    Row& number_or_null(const std::optional<T>& value) {
        return value ? number(*value) : null();
    }
    Row& text_or_null(const Field& value) { return value ? text(*value) : null(); }

private:
    void separate() {
        if (!first_) rows_ += '\t';
        first_ = false;
    }
    std::string& rows_;
    bool first_ = true;
};

void drop_final_dot(std::string& name) {
    if (!name.empty() && name.back() == '.') name.pop_back();
}

/// Without the final dot of each unquoted word but "." itself: no field but a name ends in one.
void append_without_final_dots(std::string& out, std::string_view text) {
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char octet = text[at];
        if (octet == '\\' && at + 1 < text.size()) {
            out += octet;
            out += text[++at];
            continue;
        }
        if (octet == '"') quoted = !quoted;
        const bool ends_word = at + 1 == text.size() || text[at + 1] == ' ';
        const bool is_word = at == 0 || text[at - 1] == ' ';
        if (octet == '.' && !quoted && ends_word && !is_word) continue;
        out += octet;
    }
}

/// The records of a presigned zone that PowerDNS makes out of the others and keeps in no row; the
/// next import makes them again.
MadeDenial remade_denial(const ImportedZone& zone) {
    MadeDenial made;
    bool presigned = false;
    std::string_view nsec3param;
    for (const Metadata& metadata : zone.metadata) {
        presigned |= metadata.presigned();
        if (metadata.kind == "NSEC3PARAM") nsec3param = metadata.content;
    }
    if (!presigned || zone.image.octets().empty()) return made;
    std::vector<std::uint8_t> octets;
    struct Kept {
        std::size_t at, owner_octets, rdata_octets;
        dns::RrType type;
        std::uint32_t ttl;
    };
    std::vector<Kept> kept;
    zone::for_each_record(
        zone::Zone(zone.image.octets().data()), [&](const dns::RecordView& record) {
            if (is_denial(record.type)) return;
            kept.push_back(
                {octets.size(), record.owner.size(), record.rdata.size(), record.type, record.ttl});
            octets.insert(octets.end(), record.owner.wire().begin(), record.owner.wire().end());
            octets.insert(octets.end(), record.rdata.begin(), record.rdata.end());
        });
    DenialChain chain(zone.apex);
    const base::Octets all(octets);
    for (const Kept& one : kept)
        chain.add({dns::NameView(all.subspan(one.at, one.owner_octets)), one.type, one.ttl,
                   all.subspan(one.at + one.owner_octets, one.rdata_octets)});
    made.make(chain, nsec3param);
    return made;
}

/// At a cut these are the parent's own (RFC 4035 section 2.2, 2.3); all else there is the child's.
bool belongs_to_parent(dns::RrType type) {
    return type == dns::RrType::ds || type == dns::RrType::nsec || type == dns::RrType::rrsig;
}

}  // namespace

PowerDnsRecord powerdns_record(const dns::RecordView& record) {
    PowerDnsRecord out;
    out.name = dns::to_string(record.owner);
    drop_final_dot(out.name);
    out.type = dns::record_type_text(record.type);
    const std::string text = dns::rdata_text(record.type, record.rdata);
    std::string_view rest = text;
    if (record.type == dns::RrType::mx || record.type == dns::RrType::srv) {
        const std::size_t blank = std::min(rest.find(' '), rest.size());
        std::from_chars(rest.data(), rest.data() + blank, out.prio);
        rest.remove_prefix(std::min(blank + 1, rest.size()));
    }
    append_without_final_dots(out.content, rest);
    return out;
}

std::vector<std::string> only_in_comments(const ImportedZone& zone) {
    std::vector<std::string> out;
    for (const KeptRecord& kept : zone.kept) {
        std::string record = kept.name + ". " + kept.type + ' ' + kept.content;
        if (record.size() > shown_octets_max) record = record.substr(0, shown_octets_max) + "…";
        out.push_back(std::move(record) +
                      (kept.disabled ? " is disabled" : " is of a type that only PowerDNS has") +
                      ": in a comment");
    }
    return out;
}

void append_zone_file(std::string& out, const ImportedZone& zone,
                      const std::function<void(std::string& out)>& piece) {
    zone::for_each_record(zone::Zone(zone.image.octets().data()),
                          [&](const dns::RecordView& record) {
                              if (dns::is_powerdns_only(record.type)) return;
                              dns::append_record_text(out, record);
                              if (piece) piece(out);
                          });
    for (const KeptRecord& kept : zone.kept) {
        std::string line = (kept.disabled ? "disabled: " : "PowerDNS only: ") + kept.name + ". " +
                           std::to_string(kept.ttl) + " IN " + kept.type + ' ';
        if (kept.type == "MX" || kept.type == "SRV") line += std::to_string(kept.prio) + ' ';
        line += kept.content;
        // A line that ends early would bring what follows to life.
        out += "; " + base::foreign(line) + '\n';
        if (piece) piece(out);
    }
}

std::string zone_file_name(dns::NameView apex) {
    if (apex.is_root()) return "root.zone";
    const std::string text = dns::to_string(apex);
    std::string out;
    for (const char octet : text) {
        if (octet == '/')
            out += "\\047";
        else
            out += octet;
    }
    return out + "zone";  // behind the final dot
}

DumpWriter::DumpWriter(Out out)
    : out_(std::move(out)),
      domains_{
          "COPY public.domains (id, name, master, last_check, type, notified_serial, account, "
          "options, catalog) FROM stdin;\n",
          {}},
      records_{
          "COPY public.records (id, domain_id, name, type, content, ttl, prio, disabled, "
          "ordername, auth) FROM stdin;\n",
          {}},
      metadata_{"COPY public.domainmetadata (id, domain_id, kind, content) FROM stdin;\n", {}},
      comments_{
          "COPY public.comments (id, domain_id, name, type, modified_at, account, comment) "
          "FROM stdin;\n",
          {}},
      keys_{
          "COPY public.cryptokeys (id, domain_id, flags, active, published, content) FROM "
          "stdin;\n",
          {}},
      tsig_keys_{"COPY public.tsigkeys (id, name, algorithm, secret) FROM stdin;\n", {}},
      supermasters_{"COPY public.supermasters (ip, nameserver, account) FROM stdin;\n", {}} {}

void DumpWriter::domain_row(const ImportedZone& zone, std::uint64_t id) {
    std::string name = dns::to_string(zone.apex);
    drop_final_dot(name);
    std::string masters;
    for (const std::string& master : zone.masters) {
        if (!masters.empty()) masters += ',';
        masters += master;
    }
    std::string kind(to_string(zone.kind));
    for (char& octet : kind)
        octet = static_cast<char>(octet >= 'a' && octet <= 'z' ? octet - 'a' + 'A' : octet);
    Row row(domains_.rows);
    row.number(id).text(name);
    if (masters.empty())
        row.null();
    else
        row.text(masters);
    row.number_or_null(zone.last_check).text(kind).number_or_null(zone.notified_serial);
    if (zone.account.empty())
        row.null();
    else
        row.text(zone.account);
    row.text_or_null(zone.options).text_or_null(zone.catalog);
}

void DumpWriter::record_row(std::uint64_t domain_id, const PowerDnsRecord& record, std::int64_t ttl,
                            bool disabled, bool auth) {
    Row(records_.rows)
        .number(++record_id_)
        .number(domain_id)
        .text(record.name)
        .text(record.type)
        .text(record.content)
        .number(ttl)
        .number(record.prio)
        .boolean(disabled)
        .null()
        .boolean(auth);
}

Status DumpWriter::image_rows(const ImportedZone& zone, std::uint64_t id) {
    // Names come in canonical order, so all below a cut follows it. Whether a name is a cut is
    // known after its last record: each name's are put aside until then.
    struct Waiting {
        PowerDnsRecord record;
        dns::RrType type;
        std::uint32_t ttl;
    };
    std::vector<Waiting> of_name;
    dns::Name name, cut;
    bool is_cut = false, has_cut = false;
    const auto settle = [&] {
        const bool below = has_cut && name.view().is_within(cut);
        for (const Waiting& one : of_name)
            record_row(id, one.record, one.ttl, false,
                       !below && (!is_cut || belongs_to_parent(one.type)));
        if (is_cut && !below) {
            cut = name;
            has_cut = true;
        }
        of_name.clear();
        is_cut = false;
    };
    Status status;
    const MadeDenial remade = remade_denial(zone);
    zone::for_each_record(
        zone::Zone(zone.image.octets().data()), [&](const dns::RecordView& record) {
            if (dns::is_powerdns_only(record.type) || remade.contains(record)) return;
            if (!dns::equal(record.owner, name)) {
                settle();
                name = dns::Name(record.owner);
                // A piece of a large zone may go out at any time.
                if (status) status = flush_if_large();
            }
            is_cut =
                is_cut || (record.type == dns::RrType::ns && !dns::equal(record.owner, zone.apex));
            of_name.push_back({powerdns_record(record), record.type, record.ttl});
        });
    settle();
    return status;
}

Status DumpWriter::zone(const ImportedZone& zone) {
    const std::uint64_t id = ++domain_id_;
    domain_row(zone, id);
    if (!zone.image.octets().empty()) ZC_TRY_STATUS(image_rows(zone, id));
    for (const KeptRecord& kept : zone.kept)
        record_row(id, {kept.name, kept.type, kept.content, kept.prio}, kept.ttl, kept.disabled,
                   true);
    for (const Metadata& metadata : zone.metadata)
        Row(metadata_.rows)
            .number(++metadata_id_)
            .number(id)
            .text(metadata.kind)
            .text(metadata.content);
    for (const Comment& comment : zone.comments)
        Row(comments_.rows)
            .number(++comment_id_)
            .number(id)
            .text(comment.name)
            .text(comment.type)
            .number(comment.modified_at)
            .text(comment.account)
            .text(comment.comment);
    for (const CryptoKey& key : zone.keys)
        Row(keys_.rows)
            .number(++key_id_)
            .number(id)
            .number(key.flags)
            .boolean(key.active)
            .boolean(key.published)
            .text(key.content);
    return flush_if_large();
}

Status DumpWriter::tsig_key(const TsigKey& key) {
    Row(tsig_keys_.rows).number(++tsig_key_id_).text(key.name).text(key.algorithm).text(key.secret);
    return flush_if_large();
}

Status DumpWriter::supermaster(const Supermaster& supermaster) {
    Row(supermasters_.rows)
        .text(supermaster.ip)
        .text(supermaster.nameserver)
        .text(supermaster.account);
    return flush_if_large();
}

Status DumpWriter::flush_if_large() {
    std::size_t octets = 0;
    for (const Block* const block :
         {&domains_, &records_, &metadata_, &comments_, &keys_, &tsig_keys_, &supermasters_})
        octets += block->rows.size();
    return octets >= flush_octets ? flush() : Status();
}

Status DumpWriter::flush() {
    if (!std::exchange(begun_, true))
        ZC_TRY_STATUS(out_(
            "--\n-- PostgreSQL database dump\n--\n"
            "-- Data only, of zonectl, for PowerDNS's schema 4.7. After restoring it: pdnsutil "
            "rectify-all-zones\n\n"
            "SET client_encoding = 'SQL_ASCII';\nSET standard_conforming_strings = on;\n\n"));
    // Domains first: the other tables refer to them.
    for (Block* const block :
         {&domains_, &records_, &metadata_, &comments_, &keys_, &tsig_keys_, &supermasters_}) {
        if (block->rows.empty()) continue;
        ZC_TRY_STATUS(out_(block->head));
        ZC_TRY_STATUS(out_(block->rows));
        ZC_TRY_STATUS(out_("\\.\n\n"));
        block->rows.clear();
    }
    return {};
}

Status DumpWriter::finish() {
    ZC_TRY_STATUS(flush());
    std::string end;
    const auto sequence = [&end](std::string_view table, std::uint64_t last) {
        if (last > 0)
            end += "SELECT pg_catalog.setval('public." + std::string(table) + "_id_seq', " +
                   std::to_string(last) + ", true);\n";
    };
    sequence("domains", domain_id_);
    sequence("records", record_id_);
    sequence("domainmetadata", metadata_id_);
    sequence("comments", comment_id_);
    sequence("cryptokeys", key_id_);
    sequence("tsigkeys", tsig_key_id_);
    return out_(end + "\n--\n-- PostgreSQL database dump complete\n--\n\n");
}

}  // namespace zc::ingest
