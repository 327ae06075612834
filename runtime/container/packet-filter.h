// The packet filter of a platform's bridge, an nftables table of the bridge's name. Containers
// answer connections that the platform opens to them and can do nothing else: no packet of theirs
// opens a connection to any address of the host, and nothing is forwarded from or to the bridge. It
// keeps no state: a TCP packet other than an opening SYN cannot make a connection, so the rules
// need no connection tracking, which would cost every packet of the host something and has a table
// that can fill up. libnftables loads the rules; it is what nft(8) itself uses.
#pragma once

#include <string>

namespace meridian::container {

// Replaces the table in one transaction.
void installPacketFilter(const std::string& bridge);

// It need not be there.
void removePacketFilter(const std::string& bridge);

}  // namespace meridian::container
