// SPDX-License-Identifier: MIT

//! Workloads over channels.

use crate::{per_operation, Figure};
use std::time::Instant;
use tokio::sync::mpsc::{channel, Receiver, Sender};

const ROUND_TRIPS: usize = 200_000;
const BUFFERED_ITEMS: usize = 1_000_000;
const SELECT_ITEMS: usize = 200_000;
const SIEVE_PRIMES: usize = 2000;
const RING_LENGTH: usize = 503;
const RING_HOPS: usize = RING_LENGTH * 400;

pub async fn pingpong() -> Figure {
    let (there, mut there_end) = channel(1);
    let (back, mut back_end) = channel(1);
    tokio::spawn(async move {
        while let Some(item) = there_end.recv().await {
            back.send(item).await.unwrap();
        }
    });
    let begin = Instant::now();
    for i in 0..ROUND_TRIPS {
        there.send(i).await.unwrap();
        back_end.recv().await.unwrap();
    }
    per_operation(begin.elapsed(), ROUND_TRIPS)
}

pub async fn buffered() -> Figure {
    let (sender, mut receiver) = channel(128);
    let begin = Instant::now();
    tokio::spawn(async move {
        for i in 0..BUFFERED_ITEMS {
            sender.send(i).await.unwrap();
        }
    });
    while receiver.recv().await.is_some() {}
    per_operation(begin.elapsed(), BUFFERED_ITEMS)
}

pub async fn select3() -> Figure {
    let (a, mut a_end) = channel(1);
    let (b, mut b_end) = channel(1);
    let (c, mut c_end) = channel(1);
    let senders = [a, b, c];
    let begin = Instant::now();
    for _ in 0..2 {
        let senders = senders.clone();
        tokio::spawn(async move {
            for i in 0..SELECT_ITEMS / 2 {
                senders[i % 3].send(i).await.unwrap();
            }
        });
    }
    for _ in 0..SELECT_ITEMS {
        tokio::select! {
            item = a_end.recv() => item,
            item = b_end.recv() => item,
            item = c_end.recv() => item,
        }
        .unwrap();
    }
    per_operation(begin.elapsed(), SELECT_ITEMS)
}

async fn generate(target: Sender<usize>) {
    let mut number = 2;
    while target.send(number).await.is_ok() {
        number += 1;
    }
}

async fn filter(mut source: Receiver<usize>, target: Sender<usize>, prime: usize) {
    while let Some(number) = source.recv().await {
        if number % prime != 0 && target.send(number).await.is_err() {
            break;
        }
    }
}

pub async fn sieve() -> Figure {
    let begin = Instant::now();
    let (first, mut source) = channel(1);
    tokio::spawn(generate(first));
    let mut prime = source.recv().await.unwrap();
    for _ in 1..SIEVE_PRIMES {
        let (target, next) = channel(1);
        tokio::spawn(filter(source, target, prime));
        source = next;
        prime = source.recv().await.unwrap();
    }
    assert_eq!(prime, 17389);
    per_operation(begin.elapsed(), 1_000_000)
}

async fn pass_on(mut source: Receiver<usize>, target: Sender<usize>, done: Sender<()>) {
    while let Some(token) = source.recv().await {
        match token {
            1 => done.send(()).await.unwrap(),
            0 => {
                // The end goes round too. Who began it has left already.
                let _ = target.send(0).await;
                return;
            }
            _ => target.send(token - 1).await.unwrap(),
        }
    }
}

pub async fn ring() -> Figure {
    let (done, mut done_end) = channel(1);
    let (first, mut source) = channel(1);
    for _ in 1..RING_LENGTH {
        let (target, next) = channel(1);
        tokio::spawn(pass_on(source, target, done.clone()));
        source = next;
    }
    tokio::spawn(pass_on(source, first.clone(), done));
    let begin = Instant::now();
    first.send(RING_HOPS).await.unwrap();
    done_end.recv().await.unwrap();
    let took = begin.elapsed();
    first.send(0).await.unwrap();
    per_operation(took, RING_HOPS)
}
