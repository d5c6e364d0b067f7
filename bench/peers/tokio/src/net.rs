// SPDX-License-Identifier: MIT

//! An echo over loopback: clients and servers in one process, and a server for bench_net.py's load.

use crate::{per_operation, Figure};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 64;
const MESSAGE: usize = 512;
const ROUND_TRIPS: usize = 2000;

async fn answer(mut stream: TcpStream) {
    let mut bytes = [0u8; MESSAGE];
    while stream.read_exact(&mut bytes).await.is_ok() {
        stream.write_all(&bytes).await.unwrap();
    }
}

pub async fn echo() -> Figure {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for _ in 0..CONNECTIONS {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(answer(stream));
        }
    });
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    let begin = Instant::now();
    let clients: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let mut bytes = [0u8; MESSAGE];
                for _ in 0..ROUND_TRIPS {
                    stream.write_all(&bytes).await.unwrap();
                    stream.read_exact(&mut bytes).await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    per_operation(begin.elapsed(), CONNECTIONS * ROUND_TRIPS)
}

pub fn serve(address: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut bytes = [0u8; 2048];
                while let Ok(got) = stream.read(&mut bytes).await {
                    if got == 0 || stream.write_all(&bytes[..got]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
}
