#include "runtime/container/packet-filter.h"

#include <kj/debug.h>
#include <nftables/libnftables.h>

namespace meridian::container {

namespace {

void runRules(const std::string& rules) {
  auto context = nft_ctx_new(NFT_CTX_DEFAULT);
  KJ_REQUIRE(context != nullptr, "nftables cannot be used");
  KJ_DEFER(nft_ctx_free(context));
  nft_ctx_buffer_output(context);
  nft_ctx_buffer_error(context);
  int failed = nft_run_cmd_from_buffer(context, rules.c_str());
  KJ_REQUIRE(failed == 0, "the packet filter could not be changed",
             nft_ctx_get_error_buffer(context));
}

// Adding first makes deleting right whether the table is there or not.
std::string removal(const std::string& table) {
  return "add table inet " + table + "\ndelete table inet " + table + "\n";
}

}  // namespace

void installPacketFilter(const std::string& bridge) {
  runRules(removal(bridge) + "table inet " + bridge + R"( {
  chain input {
    type filter hook input priority -10; policy accept;
    iifname != ")" +
           bridge + R"(" accept
    meta l4proto tcp tcp flags & (syn | ack) != syn accept
    drop
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname ")" +
           bridge + R"(" drop
    oifname ")" +
           bridge + R"(" drop
  }
})");
}

void removePacketFilter(const std::string& bridge) { runRules(removal(bridge)); }

}  // namespace meridian::container
