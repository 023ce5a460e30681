// Keys and values between JSON and a person.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace skep::proposer {

// A string if the bytes are UTF-8, else {"base64":"…"}; and back. None: it is neither.
nlohmann::ordered_json to_json(std::string_view bytes);
std::optional<std::string> bytes_of(const nlohmann::ordered_json& json);

// As it is; in quotes, as a shell's words have them, where a line or a blank would break it.
std::string show_key(std::string_view key);

// What cannot be parsed is null; and so is a member that is not there, or of what is no object.
nlohmann::ordered_json parse(std::string_view text);
const nlohmann::ordered_json& member(const nlohmann::ordered_json& object, const char* key);
// 0: there is no such whole number.
std::uint64_t number_of(const nlohmann::ordered_json& object, const char* key);

// One line. What is no UTF-8 is replaced.
std::string show(const nlohmann::ordered_json& json);

}  // namespace skep::proposer
