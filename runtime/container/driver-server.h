// The driver as a service: the methods of schema/driver.capnp, each handed to the driver's own once
// the driver is open: a restarted platform's actors ask it at once.
#pragma once

#include "schema/driver.capnp.h"

namespace meridian::container {

class NativeDriver;

// The driver outlives it.
schema::Driver::Client serveDriver(NativeDriver& driver);

}  // namespace meridian::container
