// SPDX-License-Identifier: MIT

package main

import "time"

const (
	roundTrips    = 200_000
	bufferedItems = 1_000_000
	selectItems   = 200_000
	sievePrimes   = 2000
	ringLength    = 503
	ringHops      = ringLength * 400
)

func pingpong() time.Duration {
	there, back := make(chan int), make(chan int)
	go func() {
		for item := range there {
			back <- item
		}
	}()
	begin := time.Now()
	for i := range roundTrips {
		there <- i
		<-back
	}
	took := time.Since(begin)
	close(there)
	return took
}

func buffered() time.Duration {
	items := make(chan int, 128)
	begin := time.Now()
	go func() {
		for i := range bufferedItems {
			items <- i
		}
		close(items)
	}()
	for range items {
	}
	return time.Since(begin)
}

func select3() time.Duration {
	var chans [3]chan int
	for i := range chans {
		chans[i] = make(chan int)
	}
	begin := time.Now()
	for range 2 {
		go func() {
			for i := range selectItems / 2 {
				chans[i%3] <- i
			}
		}()
	}
	a, b, c := chans[0], chans[1], chans[2]
	for range selectItems {
		select {
		case <-a:
		case <-b:
		case <-c:
		}
	}
	return time.Since(begin)
}

func generate(target chan<- int) {
	for number := 2; ; number++ {
		target <- number
	}
}

func filter(source <-chan int, target chan<- int, prime int) {
	for number := range source {
		if number%prime != 0 {
			target <- number
		}
	}
}

// As everywhere in Go, the filters of a sieve that is done stay parked for ever.
func sieve() time.Duration {
	begin := time.Now()
	source := make(chan int)
	go generate(source)
	for i := 1; ; i++ {
		prime := <-source
		if i == sievePrimes {
			if prime != 17389 {
				fail("sieve: %d", prime)
			}
			return time.Since(begin)
		}
		target := make(chan int)
		go filter(source, target, prime)
		source = target
	}
}

func ring() time.Duration {
	done := make(chan bool)
	var links [ringLength]chan int
	for i := range links {
		links[i] = make(chan int)
	}
	for i := range links {
		source, target := links[i], links[(i+1)%ringLength]
		go func() {
			for token := range source {
				if token--; token == 0 {
					done <- true
				} else {
					target <- token
				}
			}
		}()
	}
	begin := time.Now()
	links[0] <- ringHops
	<-done
	took := time.Since(begin)
	for _, link := range links {
		close(link)
	}
	return took
}
