// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	connections    = 64
	messageBytes   = 512
	echoRoundTrips = 2000
)

func echoServe(conn net.Conn) {
	defer conn.Close()
	bytes := make([]byte, messageBytes)
	for {
		if _, err := io.ReadFull(conn, bytes); err != nil {
			return
		}
		if _, err := conn.Write(bytes); err != nil {
			return
		}
	}
}

// echo: clients and servers in one process, over loopback.
func echo() time.Duration {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("listen: %v", err)
	}
	defer listener.Close()
	go func() {
		for i := 0; i < connections; i++ {
			conn, err := listener.Accept()
			if err != nil {
				fail("accept: %v", err)
			}
			go echoServe(conn)
		}
	}()
	conns := make([]net.Conn, connections)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", listener.Addr().String()); err != nil {
			fail("dial: %v", err)
		}
	}
	var wait sync.WaitGroup
	begin := time.Now()
	for _, conn := range conns {
		wait.Add(1)
		go func() {
			defer wait.Done()
			bytes := make([]byte, messageBytes)
			for i := 0; i < echoRoundTrips; i++ {
				if _, err := conn.Write(bytes); err != nil {
					fail("write: %v", err)
				}
				if _, err := io.ReadFull(conn, bytes); err != nil {
					fail("read: %v", err)
				}
			}
		}()
	}
	wait.Wait()
	took := time.Since(begin)
	for _, conn := range conns {
		conn.Close()
	}
	return took
}

// servers are for bench_net.py: they serve for ever.
var servers = map[string]func(arguments []string){
	"echo-server": func(arguments []string) { serve(arguments[0], echoAll) },
	"http-server": httpServer,
	"file-server": func(arguments []string) {
		fail("serve: %v", http.ListenAndServe(arguments[0], http.FileServer(http.Dir(arguments[1]))))
	},
	"proxy": func(arguments []string) { serve(arguments[0], func(conn net.Conn) { forward(conn, arguments[1]) }) },
	"nap-server": func(arguments []string) {
		go serve(arguments[0], echoAll)
		for {
			late, _ := naps()
			fmt.Printf("%.1f\n", late)
		}
	},
}

func serve(address string, handle func(net.Conn)) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fail("listen: %v", err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			fail("accept: %v", err)
		}
		go handle(conn)
	}
}

func echoAll(conn net.Conn) {
	defer conn.Close()
	bytes := make([]byte, 2048)
	for {
		got, err := conn.Read(bytes)
		if err != nil {
			return
		}
		if _, err := conn.Write(bytes[:got]); err != nil {
			return
		}
	}
}

// forward is what a Go programmer writes: io.Copy both ways, which splices.
func forward(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, client)
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, server)
}

func httpServer(arguments []string) {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "hello, world")
	})
	fail("serve: %v", http.ListenAndServe(arguments[0], nil))
}
