#include "runtime/http/route-table.h"

#include <kj/debug.h>

#include <algorithm>

#include "runtime/http/gateway-limits.h"

namespace meridian::http {

namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    int high = hexDigit(text[i + 1]), low = hexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

bool isLiteralCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$&'()+,;=@").find(c) != std::string_view::npos;
}

// Whether a segment of a request says what a literal says; a percent-encoded letter is that letter.
bool means(std::string_view segment, std::string_view literal) {
  if (segment == literal) return true;
  if (segment.find('%') == std::string_view::npos) return false;
  return percentDecode(segment) == literal;
}

}  // namespace

std::variant<RoutePattern, std::string> RoutePattern::parse(std::string_view path) {
  auto refuse = [&](const std::string& why) {
    return "the route path \"" + std::string(path.substr(0, ROUTE_PATH_MAX)) + "\" " + why +
           "; a path looks like /sandbox/:id/*";
  };
  if (path.size() > ROUTE_PATH_MAX) return refuse("is longer than " + std::to_string(ROUTE_PATH_MAX) + " bytes");
  if (path.empty() || path[0] != '/') return refuse("does not start with /");

  RoutePattern pattern;
  size_t ids = 0;
  auto rest = path.substr(1);
  for (;;) {
    auto slash = rest.find('/');
    auto segment = rest.substr(0, slash);
    bool last = slash == std::string_view::npos;
    if (segment == "*") {
      if (!last) return refuse("has a * before its end");
      pattern.order_.push_back({Segment::Kind::REST, {}});
      break;
    }
    if (segment == ":id") {
      ++ids;
      pattern.order_.push_back({Segment::Kind::ID, {}});
    } else if (!segment.empty() && std::all_of(segment.begin(), segment.end(), isLiteralCharacter)) {
      pattern.order_.push_back({Segment::Kind::LITERAL, std::string(segment)});
    } else {
      return refuse("has the segment \"" + std::string(segment) + "\", which is neither a literal nor :id");
    }
    if (last) {
      pattern.order_.push_back({Segment::Kind::END, {}});
      break;
    }
    rest = rest.substr(slash + 1);
  }
  if (ids != 1) return refuse("has not exactly one :id");
  return pattern;
}

std::optional<std::string_view> RoutePattern::match(std::string_view path) const {
  std::string_view id;
  std::optional<std::string_view> rest = path;  // with its leading slash; absent past the last segment
  for (const auto& segment: order_) {
    if (segment.kind == Segment::Kind::REST) return id;
    if (segment.kind == Segment::Kind::END) return rest ? std::nullopt : std::optional(id);
    if (!rest || rest->empty()) return std::nullopt;
    auto slash = rest->find('/', 1);
    auto text = rest->substr(1, slash == std::string_view::npos ? slash : slash - 1);
    rest = slash == std::string_view::npos ? std::nullopt : std::optional(rest->substr(slash));
    if (segment.kind == Segment::Kind::ID) {
      id = text;
    } else if (!means(text, segment.text)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

void RouteTable::replace(const std::string& application, uint32_t version, const std::vector<Route>& routes) {
  auto present = applications_.find(application);
  if (present != applications_.end() && version <= present->second.version) return;
  KJ_REQUIRE(routes.size() <= ROUTES_MAX, "an application has too many routes", application.c_str(), routes.size(),
             ROUTES_MAX);

  Application compiled{version, {}};
  for (const auto& route: routes) {
    auto pattern = RoutePattern::parse(route.path);
    if (auto* problem = std::get_if<std::string>(&pattern))
      kj::throwFatalException(KJ_EXCEPTION(FAILED, problem->c_str(), application.c_str()));
    compiled.routes.push_back({std::get<RoutePattern>(std::move(pattern)), route.containerClass});
  }
  applications_.insert_or_assign(application, std::move(compiled));

  order_.clear();
  for (const auto& [name, each]: applications_) {
    for (const auto& route: each.routes) order_.push_back(&route);
  }
  std::stable_sort(order_.begin(), order_.end(),
                   [](auto* left, auto* right) { return left->pattern < right->pattern; });
}

std::variant<ContainerId, NoRoute, BadId> RouteTable::find(std::string_view target) const {
  auto path = target.substr(0, target.find('?'));
  for (const auto* route: order_) {
    auto segment = route->pattern.match(path);
    if (!segment) continue;
    auto id = decodeId(*segment);
    if (!id) return BadId{*segment};
    return ContainerId{route->containerClass, std::move(*id)};
  }
  return NoRoute{};
}

std::optional<std::string> decodeId(std::string_view segment) {
  auto id = percentDecode(segment);
  if (!id || !isName(*id)) return std::nullopt;
  return id;
}

}  // namespace meridian::http
