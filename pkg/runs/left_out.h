// Rows and zones that the import of a store refused, as the reason why the new server answers
// otherwise than the old one.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "judge/stretch.h"

namespace zc::runs {

/// The refused row or zone behind one sample, as a sentence of name_left_out; or nothing. It does
/// not matter how the sample was judged.
Result<std::optional<std::string>> left_out_of(const std::string& store_path,
                                               const judge::Sample& sample);

/// Says it in the samples that nothing else has decided: "withheld: signed by PowerDNS", where the
/// difference is about such a zone; "row refused at import: www.example A 192.0.2.256: …", where
/// such a row is of a name and type that the old server has in its answer, or below a name that it
/// says exists. The store is looked at as it is now, and left alone without such a sample.
/// Errors: those of fold::StoreView. Cost: a look-up for each label of a name.
Status name_left_out(const std::string& store_path, std::span<judge::Stretch> stretches);

}  // namespace zc::runs
