#include "sqldump/tables.h"

#include <algorithm>
#include <utility>

#include "sqldump/powerdns_tables.h"

namespace zc::sqldump {

void DumpTables::connect(std::string database) {
    database_ = std::move(database);
    used_.reset();
    path_.clear();
}

void DumpTables::use(std::string database) {
    // Tables that were unqualified so far lie in a database that the dump does not name.
    closed_[database_] = true;
    is_mysql_ = true;
    used_ = std::move(database);
}

void DumpTables::search_path(std::vector<std::string> path) {
    path_ = std::move(path);
}

DumpTable* DumpTables::at(const std::string& database, const std::string& schema,
                          const std::string& name) {
    const auto found = tables_.find(Key(database, schema, name));
    return found == tables_.end() ? nullptr : found->second.get();
}

DumpTable& DumpTables::make(const std::string& schema, const std::string& name) {
    auto& table = tables_[Key(database_, schema, name)];
    if (!table) {
        table = std::make_unique<DumpTable>();
        table->place = {database_, schema};
        table->name = name;
        table->ours = table_of(name);
    }
    return *table;
}

/// The named schemas of this database that have tables of PowerDNS's.
std::set<std::string> DumpTables::schemas() const {
    std::set<std::string> schemas;
    for (const auto& [key, table] : tables_) {
        if (table->ours && table->place.database == database_ && !table->place.schema.empty())
            schemas.insert(table->place.schema);
    }
    return schemas;
}

/// The tables of this database that were named without a qualifier are those of `schema`.
void DumpTables::name_the_unnamed(const std::string& schema) {
    std::vector<Key> keys;
    for (const auto& [key, table] : tables_) {
        if (std::get<0>(key) == database_ && std::get<1>(key).empty()) keys.push_back(key);
    }
    for (const Key& key : keys) {
        auto node = tables_.extract(key);
        node.mapped()->place.schema = schema;
        std::get<1>(node.key()) = schema;
        tables_.insert(std::move(node));
    }
    if (holder_ && holder_->place == DumpPlace{database_, ""}) holder_->place.schema = schema;
}

DumpPlace DumpTables::place_of(const std::vector<std::string>& parts) {
    const std::string& name = parts.back();
    if (parts.size() > 1) {
        const std::string& schema = parts[parts.size() - 2];
        if (table_of(name) && !closed_[database_]) {
            std::set<std::string> known = schemas();
            known.insert(schema);
            if (known.size() == 1) name_the_unnamed(schema);
        }
        return {database_, schema};
    }
    if (used_) return {database_, *used_};
    for (const std::string& schema : path_) {
        if (at(database_, schema, name) != nullptr) return {database_, schema};
    }
    if (!path_.empty()) return {database_, path_.front()};
    if (!closed_[database_]) {
        const std::set<std::string> known = schemas();
        if (known.size() == 1) return {database_, *known.begin()};
    }
    return {database_, ""};
}

DumpTable& DumpTables::find(const std::vector<std::string>& parts) {
    return make(place_of(parts).schema, parts.back());
}

DumpTable* DumpTables::find_or_null(const std::vector<std::string>& parts) {
    const DumpPlace place = place_of(parts);
    return at(place.database, place.schema, parts.back());
}

DumpTable& DumpTables::create(const std::vector<std::string>& parts) {
    const std::string& name = parts.back();
    const bool is_qualified = parts.size() > 1 || used_ || !path_.empty();
    // Created both with and without a qualifier: two tables, so what is unqualified stays by
    // itself.
    if (table_of(name)) {
        if (is_qualified) {
            const DumpTable* unnamed = at(database_, "", name);
            if (unnamed != nullptr && unnamed->created) closed_[database_] = true;
        } else {
            for (const std::string& schema : schemas()) {
                const DumpTable* named = at(database_, schema, name);
                if (named != nullptr && named->created) closed_[database_] = true;
            }
        }
    }
    // A new table goes into the first schema of the path.
    if (parts.size() == 1 && !used_ && !path_.empty()) return find({path_.front(), parts.back()});
    return find(parts);
}

const DumpTable* DumpTables::attach(DumpTable& child, DumpTable& parent) {
    // No table is its own ancestor; text that says so is not followed.
    for (const DumpTable* at = &parent; at != nullptr; at = at->parent_or_null)
        if (at == &child) return nullptr;
    child.parent_or_null = &parent;
    const DumpTable* late = nullptr;
    // Parents may be attached after their children.
    for (const auto& [key, each] : tables_) {
        const DumpTable* top = nullptr;  // of the ancestors that are PowerDNS's
        for (const DumpTable* at = each->parent_or_null; at != nullptr; at = at->parent_or_null)
            if (at->ours) top = at;
        if (top == nullptr || (each->ours == top->ours && each->place == top->place)) continue;
        each->ours = top->ours;
        each->place = top->place;
        if (each->rows_line != 0) late = each.get();
    }
    return late;
}

const DumpTable* DumpTables::heir_with_rows_or_null(const DumpTable& table) const {
    for (const auto& [key, each] : tables_) {
        if (!each->ours || each->rows_line == 0 || !is_chosen(each->place)) continue;
        for (const DumpTable* at = each->parent_or_null; at != nullptr; at = at->parent_or_null)
            if (at == &table) return each.get();
    }
    return nullptr;
}

void DumpTables::drop_trigger(const std::string& name, const DumpTable* table_or_null) {
    for (const auto& [key, each] : tables_) {
        if (table_or_null != nullptr && each.get() != table_or_null) continue;
        std::erase_if(each->triggers,
                      [&](const DumpTrigger& trigger) { return trigger.name == name; });
    }
}

void DumpTables::detach(DumpTable& child) {
    child.parent_or_null = nullptr;
    for (const auto& [key, each] : tables_) {
        if (each.get() != &child) continue;
        child.place = {std::get<0>(key), std::get<1>(key)};
        child.ours = table_of(child.name);
    }
}

bool DumpTables::is_chosen(const DumpPlace& place) const {
    if (!choice_.database.empty()) {
        const std::string& database = place.database.empty() ? place.schema : place.database;
        if (database != choice_.database) return false;
    }
    return choice_.schema.empty() || place.schema == choice_.schema;
}

Result<bool> DumpTables::admit(DumpTable& table, std::uint64_t line, const std::string& source) {
    if (table.rows_line == 0) table.rows_line = line;
    if (!is_chosen(table.place)) return false;
    if (!holder_) holder_ = Holder{table.place, table.name, line};
    if (holder_->place == table.place) return true;
    return fail(Errc::invalid,
                "rows of PowerDNS's tables in two places of one dump: table " + holder_->table +
                    " of " + shown(holder_->place) + " (line " + std::to_string(holder_->line) +
                    ") and table " + table.name + " of " + shown(table.place) +
                    ", whose ids have nothing to do with each other: choose one by --database or "
                    "--schema",
                {source, line});
}

bool DumpTables::knows(Table table) const {
    return std::ranges::any_of(tables_, [&](const auto& entry) {
        const DumpTable& each = *entry.second;
        return each.ours == table && each.named && !each.is_view && may_hold(each.place);
    });
}

bool DumpTables::is_view(Table table) const {
    return std::ranges::any_of(tables_, [&](const auto& entry) {
        const DumpTable& each = *entry.second;
        return each.ours == table && each.is_view && may_hold(each.place);
    });
}

bool DumpTables::may_hold(const DumpPlace& place) const {
    return is_chosen(place) && (!holder_ || holder_->place == place);
}

bool DumpTables::has_rows(std::string_view schema_or_database) const {
    return std::ranges::any_of(tables_, [&](const auto& entry) {
        const DumpTable& table = *entry.second;
        return table.ours && table.rows_line != 0 && is_chosen(table.place) &&
               (schema_or_database.empty() || table.place.database == schema_or_database ||
                (table.place.database == database_ &&
                 (table.place.schema == schema_or_database || table.place.schema.empty())));
    });
}

std::vector<const DumpTable*> DumpTables::all() const {
    std::vector<const DumpTable*> all;
    for (const auto& [key, table] : tables_) all.push_back(table.get());
    return all;
}

std::string DumpTables::shown(const DumpPlace& place) const {
    std::string text;
    if (!place.database.empty()) text = "database " + place.database;
    if (!place.schema.empty()) {
        const bool is_database = is_mysql_ && place.database.empty();
        text += (text.empty() ? "" : ", ") + std::string(is_database ? "database " : "schema ") +
                place.schema;
    }
    return text.empty() ? "a database that the dump does not name" : text;
}

std::string DumpTables::shown_choice() const {
    std::string text = choice_.database.empty() ? "" : "database " + choice_.database;
    if (!choice_.schema.empty()) text += (text.empty() ? "schema " : ", schema ") + choice_.schema;
    return text;
}

std::string DumpTables::shown_places() const {
    std::set<std::string> places;
    for (const auto& [key, table] : tables_) {
        if (table->ours && table->named) places.insert(shown(table->place));
    }
    std::string text;
    for (const std::string& place : places) text += (text.empty() ? "" : "; ") + place;
    return text;
}

}  // namespace zc::sqldump
