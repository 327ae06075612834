#include <nlohmann/json.hpp>
#include <unistd.h>

#include "runtime/cli/follow.h"
#include "runtime/cli/status-json.h"
#include "runtime/cli/verbs.h"
#include "runtime/cli/words.h"

namespace meridian::cli {

namespace {

std::string jsonLine(schema::Event::Reader event) {
  return toLine({{"number", event.getNumber()},
                 {"at", isoTime(event.getAtNs())},
                 {"class", event.getContainer().getClassName().cStr()},
                 {"id", event.getContainer().getId().cStr()},
                 {"generation", event.getGeneration()},
                 {"kind", event.getKind().cStr()},
                 {"detail", event.getDetail().cStr()}});
}

std::string textLine(schema::Event::Reader event) {
  auto key = event.getContainer();
  std::string text = isoTime(event.getAtNs()) + "  " + std::string(key.getClassName()) + "/" +
                     std::string(key.getId()) + "  generation " +
                     std::to_string(event.getGeneration()) + "  " + std::string(event.getKind());
  if (event.getDetail().size() != 0) text += "  " + std::string(event.getDetail());
  return text + "\n";
}

class EventPrinter final: public schema::EventSink::Server {
 public:
  EventPrinter(OutputStream& output, Format format): output_(output), format_(format) {}

  kj::Promise<void> write(WriteContext context) override {
    std::string text;
    for (auto event : context.getParams().getEvents()) {
      text += format_ == Format::JSON ? jsonLine(event) : textLine(event);
    }
    output_.write(text);
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext context) override {
    output_.end();
    return kj::READY_NOW;
  }

 private:
  OutputStream& output_;
  const Format format_;
};

}  // namespace

void events(FleetClient& client, const EventsOptions& options) {
  OutputStream output(STDOUT_FILENO);
  auto call = client.fleet().eventsRequest();
  call.setAfter(options.after);
  call.setFollow(options.follow == Follow::YES ? schema::Follow::YES : schema::Follow::NO);
  call.setSink(kj::heap<EventPrinter>(output, options.format));
  waitForEnd(client, call.send(), output);
}

}  // namespace meridian::cli
