// Strings, numbers, lists and dictionaries of the framework, made from and turned into C++ values;
// and an NSError in full as an Error of ours.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework.h"

namespace anec::ane {

Owned make_data(const Framework& f, std::span<const uint8_t> bytes);
Owned make_string(const Framework& f, std::string_view text);
Owned make_number(const Framework& f, int64_t value);
Owned make_array(const Framework& f, const std::vector<Id>& items);
Owned make_dictionary(const Framework& f, const std::vector<std::pair<Id, Id>>& entries);

// What an object holds, or the fall-back when it is nil or something else.
std::string text_of(const Framework& f, Id object);
int64_t number_of(const Framework& f, Id object, int64_t otherwise);
// Length of a list; 0 for anything else.
int64_t length_of(const Framework& f, Id object);
// An item of a list, or nil.
Id item_of(const Framework& f, Id object, int64_t index);
// A dictionary's value, or nil.
Id value_of(const Framework& f, Id object, std::string_view key);

// What a failed call said, whole: domain, code, description, everything in its user info, and the
// same of every error beneath it. Owns nothing; call it before the pool ends.
std::string error_text(const Framework& f, Id error);

}  // namespace anec::ane
