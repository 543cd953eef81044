#include "sqldump/verbs.h"

#include <algorithm>

namespace zc::sqldump {

namespace {

struct StatementWord {
    std::string_view word;
    Verb verb;
};

constexpr StatementWord statement_words[] = {
    {"abort", Verb::rollback},
    {"alter", Verb::alter},
    {"analyze", Verb::code},
    {"attach", Verb::harmless},
    {"begin", Verb::begin},
    {"cache", Verb::harmless},
    {"call", Verb::code},
    {"change", Verb::harmless},
    {"check", Verb::harmless},
    {"checkpoint", Verb::harmless},
    {"checksum", Verb::harmless},
    {"close", Verb::harmless},
    {"cluster", Verb::harmless},
    {"comment", Verb::harmless},
    {"commit", Verb::commit},
    {"copy", Verb::copy},
    {"create", Verb::create},
    {"deallocate", Verb::harmless},
    {"declare", Verb::code},
    {"delete", Verb::delete_},
    {"delimiter", Verb::delimiter},
    {"desc", Verb::code},
    {"describe", Verb::code},
    {"detach", Verb::harmless},
    {"discard", Verb::reset},
    {"do", Verb::code},
    {"drop", Verb::drop},
    {"end", Verb::commit},
    {"execute", Verb::code},
    {"explain", Verb::code},
    {"fetch", Verb::code},
    {"flush", Verb::harmless},
    {"grant", Verb::harmless},
    {"handler", Verb::harmless},
    {"import", Verb::code},
    {"insert", Verb::insert},
    {"install", Verb::harmless},
    {"listen", Verb::harmless},
    {"load", Verb::load},
    {"lock", Verb::harmless},
    {"merge", Verb::merge},
    {"move", Verb::code},
    {"notify", Verb::harmless},
    {"optimize", Verb::harmless},
    {"pragma", Verb::harmless},
    {"prepare", Verb::code},
    {"purge", Verb::harmless},
    {"reassign", Verb::harmless},
    {"refresh", Verb::code},
    {"reindex", Verb::harmless},
    {"release", Verb::harmless},
    {"rename", Verb::rename},
    {"repair", Verb::harmless},
    {"replace", Verb::replace},
    {"reset", Verb::reset},
    {"revoke", Verb::harmless},
    {"rollback", Verb::rollback},
    {"savepoint", Verb::harmless},
    {"security", Verb::harmless},
    {"select", Verb::select},
    {"set", Verb::set},
    {"show", Verb::harmless},
    {"source", Verb::other_file},
    {"start", Verb::start},
    {"stop", Verb::harmless},
    {"table", Verb::code},
    {"truncate", Verb::truncate},
    {"uninstall", Verb::harmless},
    {"unlisten", Verb::harmless},
    {"unlock", Verb::harmless},
    {"update", Verb::update},
    {"use", Verb::use},
    {"vacuum", Verb::harmless},
    {"values", Verb::select},
    {"with", Verb::code},
};

}  // namespace

std::optional<Verb> verb_of(std::string_view word) noexcept {
    const auto* const at = std::ranges::find(statement_words, word, &StatementWord::word);
    if (at == std::end(statement_words)) return std::nullopt;
    return at->verb;
}

}  // namespace zc::sqldump
