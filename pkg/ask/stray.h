// A message that is not the answer to a question in flight. It is counted by name and never taken
// for an answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zc::ask {

enum class Stray : std::uint8_t {
    late,            // the question had been given up
    twice,           // the question had been answered
    other_source,    // from another address or port than was asked
    other_id,        // an ID that no question in flight has
    other_question,  // the ID of a question in flight, and another question
    no_message,      // shorter than a header, or QR is clear
    reset,           // a TCP connection that ended with questions open, or a port that refuses
};
inline constexpr std::size_t stray_count = static_cast<std::size_t>(Stray::reset) + 1;
std::string_view to_string(Stray stray) noexcept;

}  // namespace zc::ask
