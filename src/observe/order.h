/* SPDX-License-Identifier: MIT */
/* order.h: a generation's events, in an order in which they can have happened. */
#ifndef RUNG_ORDER_H
#define RUNG_ORDER_H

#include "observe/reader.h"

/* They are in order of time, which is mended where it contradicts the new order. 0 or -ENOMEM. */
int order_events(struct generation *generation);

#endif
