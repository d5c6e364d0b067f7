/* SPDX-License-Identifier: MIT */
/* mutants.h: the bugs that a build with -DRUNG_MUTANT=n puts back; read by C and by assembly. */
#ifndef RUNG_MUTANTS_H
#define RUNG_MUTANTS_H

#ifndef RUNG_MUTANT
#define RUNG_MUTANT 0
#endif

#define MUTANT_OWN_BP 1            /* mcall saves its own frame pointer: Go before CL 476235 */
#define MUTANT_LINK_NEVER_CUT 2    /* g0 stays linked to a goroutine that others may run */
#define MUTANT_LINK_CUT_EARLY 3    /* mcall never links: its caller is hidden while fn runs */
#define MUTANT_ROOT_NOT_ZERO 4     /* a goroutine's root record holds a stale frame pointer */
#define MUTANT_G0_ABOVE 5          /* g0 stacks lie above the goroutines': links go down */
#define MUTANT_CFI_OFF_BY_8 6      /* one wrong CFA in the switch */
#define MUTANT_NO_RECHECK 7        /* the last spinner sleeps without looking again */
#define MUTANT_LOOK_ONCE 8         /* Go #45867: nobody takes the spinner's place */
#define MUTANT_NO_MEMBARRIER 9     /* the hand-over's handshake without its heavy half */
#define MUTANT_PUBLISH_EARLY 10    /* a parking goroutine can be reached before mcall has saved it */
#define MUTANT_STALE_SELECT 11     /* a select leaves its waiters in the losing channels */
#define MUTANT_LOST_TIMER 12       /* an earlier timer does not wake the sleeper */
#define MUTANT_TRIM_UNHELD 13      /* a stack is trimmed while its goroutine may be claimed */
#define MUTANT_SETTLE_EARLY 14     /* on the way straight to the next: settled before it is saved */
#define MUTANT_MISSED_EDGE 15      /* who is about to wait for a descriptor forgets the event that came meanwhile */
#define MUTANT_STALE_GENERATION 16 /* a closed handle names whatever has its slot now */
#define MUTANT_CLOSE_UNWOKEN 17    /* a close leaves those asleep who wait for the descriptor */
#define MUTANT_NOT_REARMED 18      /* nobody sleeps in epoll again once somebody did */
#define MUTANT_DEADLINE_LOST 19    /* a wait for a descriptor obeys no scope */
#define MUTANT_TURN_UNWAITED 20    /* a trace's generation ends while some still write into it */
#define MUTANT_HOG_UNNAMED 21      /* who runs silently through a generation is not named in it */
#define MUTANT_BEGIN_UNWAITED 22   /* a trace begins before every thread tells what it does */
#define MUTANT_SECTION_SHORT 23    /* what was told of a processor is done only after its section; and late */
#define MUTANT_SECTION_OLD 24      /* one section of a trace tells of many, the last of which have parked after it; slowly */

#endif
