// SPDX-License-Identifier: MIT

// Command tracejudge reads execution traces by Go's own reader, and judges them by Go's own validator.
//
//	tracejudge [-print] FILE...
//
// For each file it prints "ok FILE events generations", or "bad FILE why"; with -print one line for each event before
// that. It exits with 1 if any is bad. Both packages are internal to Go: _trace.py has it built as if it lay in Go's
// own source tree.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"internal/trace"
	"internal/trace/testtrace"
	"io"
	"os"
	"strings"
)

// frames gives a stack as function@file:line, leaf first, and complains of any that is not named.
func frames(stack trace.Stack) (string, error) {
	var text []string
	for frame := range stack.Frames() {
		if frame.PC == 0 || frame.Func == "" || frame.File == "" || frame.Line == 0 {
			return "", fmt.Errorf("a frame without a name: %+v", frame)
		}
		text = append(text, fmt.Sprintf("%s@%s:%d", frame.Func, frame.File, frame.Line))
	}
	return strings.Join(text, "|"), nil
}

// describe gives what is peculiar to the event's kind, as tab-separated fields.
func describe(event trace.Event) (string, error) {
	switch event.Kind() {
	case trace.EventStateTransition:
		change := event.StateTransition()
		stack, err := frames(change.Stack)
		if err != nil {
			return "", err
		}
		if change.Resource.Kind == trace.ResourceProc {
			from, to := change.Proc()
			return fmt.Sprintf("proc\t%d\t%v\t%v\t%s\t", change.Resource.Proc(), from, to, change.Reason), nil
		}
		from, to := change.Goroutine()
		return fmt.Sprintf("go\t%d\t%v\t%v\t%s\t%s", change.Resource.Goroutine(), from, to, change.Reason, stack), nil
	case trace.EventLabel:
		return fmt.Sprintf("label\t%s", event.Label().Label), nil
	case trace.EventTaskBegin, trace.EventTaskEnd:
		task := event.Task()
		return fmt.Sprintf("task\t%d\t%d\t%s", task.ID, task.Parent, task.Type), nil
	case trace.EventRegionBegin, trace.EventRegionEnd:
		region := event.Region()
		return fmt.Sprintf("region\t%d\t%s", region.Task, region.Type), nil
	case trace.EventLog:
		log := event.Log()
		return fmt.Sprintf("log\t%d\t%s\t%s", log.Task, log.Category, log.Message), nil
	case trace.EventMetric:
		return fmt.Sprintf("metric\t%s", event.Metric().Name), nil
	}
	return "", nil
}

// judge reads the whole file, and gives the number of events and of generations.
func judge(path string, print bool, out io.Writer) (events, generations int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	var head [16]byte
	reader, err := trace.NewReader(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return 0, 0, err
	}
	validator := testtrace.NewValidator()
	if _, err := file.ReadAt(head[:], 0); err == nil {
		fmt.Sscanf(string(head[:]), "go 1.%d trace", &validator.GoVersion) // what it asks for differs
	}
	for {
		event, err := reader.ReadEvent()
		if errors.Is(err, io.EOF) {
			return events, generations, nil
		}
		if err != nil {
			return events, generations, err
		}
		if err := validator.Event(event); err != nil {
			return events, generations, fmt.Errorf("%w, at %v", err, event)
		}
		events++
		if event.Kind() == trace.EventSync {
			generations++
		}
		stack, err := frames(event.Stack())
		if err != nil {
			return events, generations, err
		}
		text, err := describe(event)
		if err != nil {
			return events, generations, err
		}
		if print {
			fmt.Fprintf(out, "%d\t%v\t%d\t%d\t%d\t%s\t%s\n", event.Time(), event.Kind(), int64(event.Thread()),
				int64(event.Proc()), int64(event.Goroutine()), stack, text)
		}
	}
}

func main() {
	print := flag.Bool("print", false, "print each event")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	status := 0
	for _, path := range flag.Args() {
		events, generations, err := judge(path, *print, out)
		if err != nil {
			fmt.Fprintf(out, "bad %s after %d events: %s\n", path, events, strings.ReplaceAll(err.Error(), "\n", "; "))
			status = 1
			continue
		}
		fmt.Fprintf(out, "ok %s %d %d\n", path, events, generations)
	}
	out.Flush()
	os.Exit(status)
}
