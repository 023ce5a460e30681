// Tables as a shell prints them for a person.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace skep {

// Columns as wide as their widest cell; all rows have as many. At least one row.
void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows);

}  // namespace skep
