#include "ask/stray.h"

namespace zc::ask {

std::string_view to_string(Stray stray) noexcept {
    switch (stray) {
        case Stray::late:
            return "late";
        case Stray::twice:
            return "twice";
        case Stray::other_source:
            return "other-source";
        case Stray::other_id:
            return "other-id";
        case Stray::other_question:
            return "other-question";
        case Stray::no_message:
            return "no-message";
        case Stray::reset:
            return "reset";
    }
    return "";
}

}  // namespace zc::ask
