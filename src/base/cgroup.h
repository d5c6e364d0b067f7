/* SPDX-License-Identifier: MIT */
/* cgroup.h: how much processor time the control groups of this process allow. */
#ifndef RUNG_CGROUP_H
#define RUNG_CGROUP_H

/*
 * The lowest limit of its group and of those above that can be seen, in processors, rounded up; 0 for none.
 * `membership` is /proc/self/cgroup, `root` /sys/fs/cgroup, but in tests.
 */
int cgroup_processors(const char *membership, const char *root);

#endif
