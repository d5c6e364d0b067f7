// SPDX-License-Identifier: MIT

// The workloads of rung_bench in Go: `go WORKLOAD --seconds S` prints `workload value unit`, the best
// of the batches that fit into S seconds. See ../../README.md for the shapes.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/trace"
	"strconv"
	"strings"
	"time"
)

// A batch gives back the cost of one operation in the workload's unit, and what it is made of.
type workload struct {
	unit  string
	batch func() (value float64, remark string)
}

var workloads = map[string]workload{
	"yield":     {"ns", perOperation(yields, yield)},
	"pingpong":  {"ns", perOperation(roundTrips, pingpong)},
	"buffered":  {"ns", perOperation(bufferedItems, buffered)},
	"spawn":     {"ns", perOperation(spawnWaves*spawnWave, spawn)},
	"spawnjoin": {"ns", perOperation(joins, spawnjoin)},
	"select3":   {"ns", perOperation(selectItems, select3)},
	"mutex4":    {"ns", perOperation(additions, mutex4)},
	"skynet":    {"ms", perOperation(1e6, skynetTree)},
	"sieve2000": {"ms", perOperation(1e6, sieve)},
	"ring503":   {"ns", perOperation(ringHops, ring)},
	"echo64":    {"ns", perOperation(connections*echoRoundTrips, echo)},

	"timer-reset":         {"ns", perOperation(resets, timerReset)},
	"deadline":            {"ns", perOperation(contexts, deadline)},
	"sleep100us-p99-late": {"us", naps},
	"parked1m":            {"B", parkMillion},
	"sleepers":            {"x", sleepersRatio},
	"timers":              {"x", timersRatio},
}

// perOperation makes a batch of a function that runs `count` operations and gives back how long.
func perOperation(count int, run func() time.Duration) func() (float64, string) {
	return func() (float64, string) { return float64(run().Nanoseconds()) / float64(count), "" }
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(2)
}

func main() {
	seconds := 1.0
	if len(os.Args) > 2 && servers[os.Args[1]] != nil {
		runtime.GOMAXPROCS(1)
		servers[os.Args[1]](os.Args[2:])
	}
	if len(os.Args) == 4 && os.Args[2] == "--seconds" {
		seconds, _ = strconv.ParseFloat(os.Args[3], 64)
	} else if len(os.Args) != 2 {
		fail("usage: %s WORKLOAD [--seconds S]", os.Args[0])
	}
	name := os.Args[1]
	base, twoProcessors := strings.CutSuffix(name, "-2p")
	base = strings.TrimSuffix(base, "-1p")
	runtime.GOMAXPROCS(1)
	if twoProcessors {
		runtime.GOMAXPROCS(2)
	}
	workload, isKnown := workloads[base]
	if !isKnown {
		fmt.Println(name, "n/a")
		return
	}
	if path := os.Getenv("BENCH_TRACE"); path != "" { // what an execution trace adds (tools/bench_trace.py)
		file, err := os.Create(path)
		if err != nil || trace.Start(file) != nil {
			os.Exit(1)
		}
		defer trace.Stop()
	}
	best, remark := workload.batch()
	for end := time.Now().Add(time.Duration(seconds * 1e9)); time.Now().Before(end); {
		if value, text := workload.batch(); value < best {
			best, remark = value, text
		}
	}
	fmt.Printf("%s %.2f %s%s\n", name, best, workload.unit, remark)
}
