// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	resets     = 1_000_000
	contexts   = 200_000
	napCount   = 2000
	few        = 1000
	many       = 1_000_000
	fewRounds  = 50
	manyRounds = 2
	windowNs   = 10 // length of the window per sleeper or timer
)

func timerReset() time.Duration {
	timer := time.NewTimer(time.Hour)
	begin := time.Now()
	for range resets {
		timer.Reset(time.Hour)
	}
	took := time.Since(begin)
	timer.Stop()
	return took
}

func deadline() time.Duration {
	begin := time.Now()
	for range contexts {
		_, cancel := context.WithTimeout(context.Background(), time.Hour)
		cancel()
	}
	return time.Since(begin)
}

func naps() (float64, string) {
	late := make([]time.Duration, napCount)
	for i := range late {
		begin := time.Now()
		time.Sleep(100 * time.Microsecond)
		late[i] = time.Since(begin) - 100*time.Microsecond
	}
	slices.Sort(late)
	return float64(late[napCount*99/100].Nanoseconds()) / 1e3, ""
}

// cpuNow is the CPU time of the process so far.
func cpuNow() time.Duration {
	var now syscall.Timespec
	const processCPUTime = 2
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, processCPUTime, uintptr(unsafe.Pointer(&now)), 0)
	return time.Duration(now.Nano())
}

// random is uniform over a window for `count` sleepers or timers.
func random(count int) time.Duration {
	return time.Duration(rand.Int64N(int64(count) * windowNs))
}

// sleepRounds gives back each round's CPU time from the begin of its window to the last one's
// waking; nil if a round ran into the next one's window. Round 0 warms up, and does not count.
func sleepRounds(count, rounds int, gap time.Duration) []time.Duration {
	var left sync.WaitGroup
	var woken atomic.Int64
	var isOverrun atomic.Bool
	begins, ends := make([]time.Duration, rounds+1), make([]time.Duration, rounds+1)
	start := time.Now().Add(2 * gap)
	for range count {
		left.Go(func() {
			for round := range rounds + 1 {
				window := start.Add(time.Duration(round) * gap)
				time.Sleep(time.Until(window.Add(random(count))))
				if woken.Add(1) != int64(count*(round+1)) {
					continue
				}
				ends[round] = cpuNow()
				if time.Since(window) > gap {
					isOverrun.Store(true)
				}
			}
		})
	}
	left.Go(func() { // yields while all sleep, so that a window finds the processor awake
		for round := range rounds + 1 {
			for time.Until(start.Add(time.Duration(round)*gap)) > 0 {
				runtime.Gosched()
			}
			if woken.Load() == int64(count*round) {
				begins[round] = cpuNow()
			}
		}
	})
	left.Wait()
	if isOverrun.Load() || slices.Contains(ends, 0) { // 0: it overlapped with the next one
		return nil
	}
	var costs []time.Duration
	for round := 1; round <= rounds; round++ {
		if begins[round] != 0 { // 0: some had woken before its begin was seen
			costs = append(costs, ends[round]-begins[round])
		}
	}
	return costs
}

func sleepNs(count, rounds int) float64 {
	gap := time.Duration(count) * 4 * time.Microsecond
	costs := sleepRounds(count, rounds, gap)
	for len(costs) == 0 {
		gap *= 2
		costs = sleepRounds(count, rounds, gap)
	}
	return float64(slices.Min(costs)) / float64(count)
}

func ratio(small, large float64) (float64, string) {
	return large / small, fmt.Sprintf(" (%.0f ns of %d, %.0f ns of %d)", small, few, large, many)
}

func sleepersRatio() (float64, string) {
	return ratio(sleepNs(few, fewRounds), sleepNs(many, manyRounds))
}

func timerNs(count, rounds int) float64 {
	timers := make([]*time.Timer, count)
	for i := range timers {
		timers[i] = time.NewTimer(time.Hour)
	}
	best := time.Duration(1 << 62)
	for range rounds {
		begin := cpuNow()
		for _, timer := range timers {
			timer.Reset(time.Hour + time.Duration(rand.Int64N(int64(time.Hour))))
		}
		soon := time.Now().Add(time.Duration(count) * 500)
		for _, timer := range timers {
			timer.Reset(time.Until(soon.Add(random(count))))
		}
		resetting := cpuNow() - begin
		for time.Until(soon) > 0 {
			runtime.Gosched()
		}
		for time.Until(soon) > -time.Duration(count*windowNs) {
		}
		begin = cpuNow()
		for _, timer := range timers {
			<-timer.C
		}
		best = min(best, resetting+cpuNow()-begin)
	}
	return float64(best) / float64(count)
}

func timersRatio() (float64, string) {
	return ratio(timerNs(few, fewRounds), timerNs(many, manyRounds))
}
