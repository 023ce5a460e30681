// What the admin listener answers, as the shell shows it to a person.
#pragma once

#include <ostream>
#include <string>

namespace skep::admin {

// The bodies of /status, /acceptors and /ring; one that is something else is printed as it is.
// Nodes that have left long ago are counted only, unless `all` is asked for.
void print_status(std::ostream& out, const std::string& body, bool all);
void print_acceptors(std::ostream& out, const std::string& body);
void print_ring(std::ostream& out, const std::string& body);

}  // namespace skep::admin
