// Where a platform keeps its state, and so where its socket is. Given by --state or MERIDIAN_STATE; else `up` uses
// /var/lib/meridian and `dev` .meridian, and a one-shot verb looks for a running platform in both, in the nearer first.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::cli {

inline constexpr std::string_view STATE_FOLDER_UP = "/var/lib/meridian";
inline constexpr std::string_view STATE_FOLDER_DEV = ".meridian";

// The folders in which a one-shot verb looks, in that order.
std::vector<std::string> candidateFolders(const std::optional<std::string>& given);

// The path of the socket of the platform in this folder. Throws Failure when it is longer than a socket path may be.
std::string socketPath(const std::string& folder);

}  // namespace meridian::cli
