// What `ps` shows of an ID, read from its supervisor's stored record: nobody is woken for it, and what is shown is what is
// durable or about to be.
#pragma once

#include <string_view>

#include "runtime/actor/host.h"
#include "schema/container.capnp.h"
#include "schema/supervisor.capnp.h"

namespace meridian::fleet {

schema::ContainerState stateOf(schema::SupervisorRecord::Reader record);

// `name` is the supervisor's: class/id.
void writeStatus(std::string_view name, schema::SupervisorRecord::Reader record, schema::ContainerStatus::Builder to);

// Of a supervisor whose record cannot be read.
void writeDamaged(std::string_view name, schema::ContainerStatus::Builder to);

// Calls visit(name, record) for each supervisor that has a record, in order of their names, and damaged(name) for those whose
// record cannot be read.
using VisitSupervisor = kj::FunctionParam<void(const std::string& name, schema::SupervisorRecord::Reader)>;
void eachSupervisor(actor::Host& host, VisitSupervisor visit, kj::FunctionParam<void(const std::string& name)> damaged);
// The damaged ones are only reported.
void eachSupervisor(actor::Host& host, VisitSupervisor visit);

}  // namespace meridian::fleet
