// SPDX-License-Identifier: MIT
package main

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

type shape interface{ area(x uint64) uint64 }
type square uint64
type named string

func (s square) area(x uint64) uint64 { return uint64(s)*uint64(s) + x }
func (n named) area(x uint64) uint64  { return uint64(len(n)) * x }

func deep(n int) int {
	var bytes [200]byte
	if n == 0 {
		return 0
	}
	bytes[n%200] = byte(n)
	return deep(n-1) + int(bytes[n%200])
}

func risky(x uint64) (sum uint64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New(fmt.Sprint("caught ", r))
		}
	}()
	if x%7 == 3 {
		panic(x)
	}
	return x * 2, nil
}

func main() {
	shapes := []shape{square(3), named("name")}
	counts := map[string]uint64{}
	var sum uint64
	for i := uint64(0); i < 50; i++ {
		sum += shapes[i%2].area(i)
		counts[strings.Repeat("x", int(i%5))] += i
		if value, err := risky(i); err == nil {
			sum += value
		} else {
			sum += uint64(len(err.Error()))
		}
	}
	keys := make([]string, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	fmt.Println(sum, len(keys), deep(300))
}
