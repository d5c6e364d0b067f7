// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	yields       = 1_000_000
	spawnWaves   = 200
	spawnWave    = 1000
	joins        = 100_000
	skynetLeaves = 1_000_000
	parked       = 1_000_000
	additions    = 4_000_000
)

func yield() time.Duration {
	var left sync.WaitGroup
	begin := time.Now()
	for range 2 {
		left.Go(func() {
			for range yields / 2 {
				runtime.Gosched()
			}
		})
	}
	left.Wait()
	return time.Since(begin)
}

func spawn() time.Duration {
	var left sync.WaitGroup
	begin := time.Now()
	for range spawnWaves {
		left.Add(spawnWave)
		for range spawnWave {
			go left.Done()
		}
		left.Wait()
	}
	return time.Since(begin)
}

func spawnjoin() time.Duration {
	items := make(chan int)
	begin := time.Now()
	for range joins {
		go func() { items <- 1 }()
		<-items
	}
	return time.Since(begin)
}

func mutex4() time.Duration {
	var mutex sync.Mutex
	var left sync.WaitGroup
	total := 0
	begin := time.Now()
	for range 4 {
		left.Go(func() {
			for range additions / 4 {
				mutex.Lock()
				total++
				mutex.Unlock()
			}
		})
	}
	left.Wait()
	if total != additions {
		fail("mutex4: %d", total)
	}
	return time.Since(begin)
}

func skynet(parent chan<- int, number, leaves int) {
	if leaves == 1 {
		parent <- number
		return
	}
	sums := make(chan int)
	for i := range 10 {
		go skynet(sums, number+i*(leaves/10), leaves/10)
	}
	sum := 0
	for range 10 {
		sum += <-sums
	}
	parent <- sum
}

func skynetTree() time.Duration {
	result := make(chan int)
	begin := time.Now()
	go skynet(result, 0, skynetLeaves)
	if sum := <-result; sum != skynetLeaves*(skynetLeaves-1)/2 {
		fail("skynet: %d", sum)
	}
	return time.Since(begin)
}

// statusBytes reads a line of /proc/self/status such as "VmRSS:".
func statusBytes(name string) float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), name)
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		fail("%s %v", name, err)
	}
	return float64(kilobytes) * 1024
}

var residentBefore, tablesBefore float64

func parkMillion() (float64, string) {
	if residentBefore == 0 {
		residentBefore, tablesBefore = statusBytes("VmRSS:"), statusBytes("VmPTE:")
	}
	gate := make(chan int)
	var arrived atomic.Int32
	var left sync.WaitGroup
	for range parked {
		left.Go(func() {
			arrived.Add(1)
			<-gate
		})
	}
	for arrived.Load() < parked {
		runtime.Gosched()
	}
	time.Sleep(time.Millisecond)
	resident := (statusBytes("VmRSS:") - residentBefore) / parked
	tables := (statusBytes("VmPTE:") - tablesBefore) / parked
	close(gate)
	left.Wait()
	return resident + tables, fmt.Sprintf(" (RSS %.0f, page tables %.0f)", resident, tables)
}
