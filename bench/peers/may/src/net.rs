// SPDX-License-Identifier: MIT

//! An echo over loopback: clients and servers in one process, and a server for bench_net.py's load.

use crate::{per_operation, Figure};
use may::go;
use may::net::{TcpListener, TcpStream};
use std::io::{Read, Write};
use std::time::Instant;

const CONNECTIONS: usize = 64;
const MESSAGE: usize = 512;
const ROUND_TRIPS: usize = 2000;

fn answer(mut stream: TcpStream) {
    let mut bytes = [0u8; MESSAGE];
    while stream.read_exact(&mut bytes).is_ok() {
        stream.write_all(&bytes).unwrap();
    }
}

pub fn echo() -> Figure {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    go!(move || {
        for _ in 0..CONNECTIONS {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            go!(move || answer(stream));
        }
    });
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    let begin = Instant::now();
    let clients: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            go!(move || {
                let mut bytes = [0u8; MESSAGE];
                for _ in 0..ROUND_TRIPS {
                    stream.write_all(&bytes).unwrap();
                    stream.read_exact(&mut bytes).unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    per_operation(begin.elapsed(), CONNECTIONS * ROUND_TRIPS)
}

pub fn serve(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        go!(move || {
            let mut bytes = [0u8; 2048];
            while let Ok(got) = stream.read(&mut bytes) {
                if got == 0 || stream.write_all(&bytes[..got]).is_err() {
                    break;
                }
            }
        });
    }
}
