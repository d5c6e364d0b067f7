/* SPDX-License-Identifier: MIT */
/* sanitize.h: tells sanitizers of stack switches. Nothing in other builds. */
#ifndef RUNG_SANITIZE_H
#define RUNG_SANITIZE_H

#define sanitize_leave_g(m) ((void)(m))
#define sanitize_enter_g() ((void)0)
#define sanitize_on_g0(m) ((void)(m))
#define sanitize_enter_stack(m, g) ((void)(m), (void)(g))

#endif
