// What must hold of registers at every simulated step, and once they are left alone. It looks at
// the messages and at the acceptors' disks, and believes nothing that anybody says.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/register_messages.hpp"
#include "roles/acceptor/core.hpp"
#include "tests/sim/registers_node.hpp"

namespace skep::sim {

class RegistersChecker {
 public:
  using Nodes = std::vector<std::unique_ptr<RegistersNode>>;
  using Broken = std::function<void(std::string what)>;

  RegistersChecker(Nodes& nodes, Broken broken) : nodes_(nodes), broken_(std::move(broken)) {}

  // Every message that is handed over: one ballot carries one value, and what an acceptor says that
  // it has promised or accepted is on its disk.
  void saw(std::size_t from, std::size_t to, const Message& message);
  // A batch has become durable on this node's disk: of each register, promise and accepted ballot
  // do not fall, one ballot has one value, what is erased raises the floor; the floor and the
  // configuration's version do not fall, the proposer's neither.
  void durable(const RegistersNode& node, const Batch& batch);

  // Nobody's row of the register is damaged, but perhaps this node's.
  bool may_damage(const RegistersNode& node, const std::string& key) const;
  // Empty, or which of these acceptors has another value than the others or a damaged one; of a
  // register that was removed, which has anything.
  std::string unequal(const std::vector<NodeId>& acceptors, const std::string& key,
                      bool removed) const;
  // Empty, or which acceptor serves another configuration.
  std::string behind(const proposer::Configuration& present) const;

  // Where acceptors and what they have are shown, a line each.
  void print(const std::function<void(const std::string&)>& line) const;

 private:
  using Ballot = registers::Ballot;
  struct Standing {                 // of one disk
    std::uint64_t proposes_by = 0;  // the version that its proposer keeps
    acceptor::Standing whole;
    std::map<std::string, acceptor::Register, std::less<>> rows;
  };
  struct Asked {
    std::string key;
    Ballot ballot;
    bool accept = false;
    bool outdated = false;  // whoever is asked was told of a later configuration before
  };
  void check_standing(const std::string& name, Standing& at, std::string_view bytes);
  void check_row(const RegistersNode& node, Standing& at, std::string_view key,
                 std::string_view bytes);
  void check_value(const std::string& key, const Ballot& ballot, std::uint64_t version,
                   bool present, std::string_view content, const std::string& where);
  static bool damaged(const RegistersNode& node, const std::string& key);
  void check_answer(std::size_t from, std::size_t to, const Message& message);

  Nodes& nodes_;
  Broken broken_;
  std::unordered_map<NodeId, Standing> disks_;
  std::map<std::pair<std::string, Ballot>, std::uint64_t> values_;  // hashes
  // By who asked whom, and the request.
  std::map<std::tuple<std::size_t, std::size_t, std::uint64_t>, Asked> asked_;
};

}  // namespace skep::sim
