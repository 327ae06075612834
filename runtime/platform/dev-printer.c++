#include "runtime/platform/dev-printer.h"

#include <time.h>

#include <cstdio>

namespace meridian::platform {

namespace {

std::string clockTime(int64_t ns) {
  time_t seconds = ns / 1'000'000'000;
  tm parts;
  localtime_r(&seconds, &parts);
  char text[16];
  strftime(text, sizeof(text), "%H:%M:%S", &parts);
  return text;
}

void print(int64_t atNs, const std::string& name, const std::string& what) {
  printf("%s %-18s %s\n", clockTime(atNs).c_str(), name.c_str(), what.c_str());
  fflush(stdout);
}

std::string nameOf(schema::ContainerKey::Reader key) { return kj::str(key.getClassName(), "/", key.getId()).cStr(); }

}  // namespace

class DevPrinter::Events final: public schema::EventSink::Server {
 public:
  explicit Events(DevPrinter& printer): printer_(printer) {}

  kj::Promise<void> write(WriteContext context) override {
    for (auto event : context.getParams().getEvents()) printer_.show(event);
    return kj::READY_NOW;
  }
  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  DevPrinter& printer_;
};

class DevPrinter::Lines final: public schema::LogSink::Server {
 public:
  // What generations before `since` wrote is not shown again.
  Lines(std::string name, uint64_t since): name_(kj::mv(name)), since_(since) {}

  kj::Promise<void> write(WriteContext context) override {
    for (auto line : context.getParams().getLines()) {
      if (line.getGeneration() < since_) continue;
      auto text = line.getText().asChars();
      print(line.getAtNs(), name_, "| " + std::string(text.begin(), text.size()));
    }
    return kj::READY_NOW;
  }
  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  std::string name_;
  uint64_t since_;
};

kj::Promise<void> DevPrinter::start(uint64_t after) {
  auto request = fleet_.eventsRequest();
  request.setAfter(after);
  request.setFollow(schema::Follow::YES);
  request.setSink(kj::heap<Events>(*this));
  return request.send().then([this](auto&& answer) { events_ = answer.getFollow(); });
}

void DevPrinter::show(schema::Event::Reader event) {
  auto key = event.getContainer();
  auto name = nameOf(key);
  print(event.getAtNs(), name, kj::str(event.getKind(), "  ", event.getDetail()).cStr());
  if (event.getKind() == "starting") follow(name, key, event.getGeneration());
}

void DevPrinter::follow(const std::string& name, schema::ContainerKey::Reader key, uint64_t generation) {
  if (followed_.count(name) != 0) return;
  auto found = fleet_.containerRequest();
  found.setKey(key);
  auto request = found.send().getContainer().logsRequest();
  auto logs = request.initRequest();
  logs.setFollow(true);
  logs.setSink(kj::heap<Lines>(name, generation));
  followed_.emplace(name, request.send().getFollow());
}

void DevPrinter::printRoutes(const cli::ApplicationConfig& application, const std::string& address) {
  for (auto& route : application.routes) {
    printf("route http://%s%s -> %s\n", address.c_str(), route.path.c_str(), route.className.value().c_str());
  }
  fflush(stdout);
}

}  // namespace meridian::platform
