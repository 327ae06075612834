// RouteTable: which container a request is for. A route's path is `/literal/:id/*`: literal segments, exactly one
// `:id`, and perhaps a last `*`, which also matches the empty rest. The most specific route wins, segment by segment: a
// literal before `:id`, an end before `*`; of two equal paths, the one of the application whose name sorts first. So
// the answer never depends on the order of deploys.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/names.h"

namespace meridian::http {

struct Route {
  std::string path;
  ClassName containerClass;
};

class RoutePattern {
 public:
  // The reason, as one sentence, when the path is none.
  static std::variant<RoutePattern, std::string> parse(std::string_view path);

  // The segment at `:id`, as sent, when the path (without its query) matches.
  std::optional<std::string_view> match(std::string_view path) const;

  // The more specific one first.
  friend bool operator<(const RoutePattern& left, const RoutePattern& right) { return left.order_ < right.order_; }

 private:
  struct Segment {
    enum class Kind { LITERAL, ID, END, REST };
    Kind kind;
    std::string text;  // of LITERAL

    friend auto operator<=>(const Segment&, const Segment&) = default;
  };
  std::vector<Segment> order_;  // ends with END or REST
};

struct NoRoute {};
struct BadId {
  std::string_view segment;  // as sent
};

class RouteTable {
 public:
  // Replaces the application's routes when the version is higher than the present one. A path that is no pattern, or
  // more than ROUTES_MAX routes, throws kj::Exception FAILED that names it, and changes nothing.
  void replace(const std::string& application, uint32_t version, const std::vector<Route>& routes);

  // `target` is a request target in origin-form.
  std::variant<ContainerId, NoRoute, BadId> find(std::string_view target) const;

 private:
  struct Compiled {
    RoutePattern pattern;
    ClassName containerClass;
  };
  struct Application {
    uint32_t version;
    std::vector<Compiled> routes;
  };

  std::map<std::string, Application> applications_;
  std::vector<const Compiled*> order_;  // of all applications
};

// Percent-decodes once; nothing when the result cannot be an ID (isName).
std::optional<std::string> decodeId(std::string_view segment);

}  // namespace meridian::http
