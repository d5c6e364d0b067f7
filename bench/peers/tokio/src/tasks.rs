// SPDX-License-Identifier: MIT

//! Workloads of tasks themselves, and of the mutex that parks them.

use crate::{per_operation, Figure};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::mpsc::{channel, Sender};
use tokio::sync::{Mutex, Notify, Semaphore};

const YIELDS: usize = 1_000_000;
const SPAWN_WAVES: usize = 200;
const SPAWN_WAVE: usize = 1000;
const JOINS: usize = 100_000;
const ADDITIONS: usize = 4_000_000;
const SKYNET_LEAVES: usize = 1_000_000;
const PARKED: usize = 1_000_000;

pub async fn yield_now() -> Figure {
    let yield_often = || async {
        for _ in 0..YIELDS / 2 {
            tokio::task::yield_now().await;
        }
    };
    let begin = Instant::now();
    let (first, second) = (tokio::spawn(yield_often()), tokio::spawn(yield_often()));
    first.await.unwrap();
    second.await.unwrap();
    per_operation(begin.elapsed(), YIELDS)
}

/// A wait group: the last to report wakes the waiter.
struct WaitGroup {
    left: AtomicUsize,
    is_done: Notify,
}

impl WaitGroup {
    fn new(count: usize) -> Arc<Self> {
        Arc::new(WaitGroup {
            left: AtomicUsize::new(count),
            is_done: Notify::new(),
        })
    }

    fn done(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.is_done.notify_one();
        }
    }
}

pub async fn spawn() -> Figure {
    let begin = Instant::now();
    for _ in 0..SPAWN_WAVES {
        let group = WaitGroup::new(SPAWN_WAVE);
        for _ in 0..SPAWN_WAVE {
            let group = group.clone();
            tokio::spawn(async move { group.done() });
        }
        group.is_done.notified().await;
    }
    per_operation(begin.elapsed(), SPAWN_WAVES * SPAWN_WAVE)
}

pub async fn spawnjoin() -> Figure {
    let (sender, mut receiver) = channel(1);
    let begin = Instant::now();
    for i in 0..JOINS {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(i).await.unwrap() });
        receiver.recv().await.unwrap();
    }
    per_operation(begin.elapsed(), JOINS)
}

pub async fn mutex4() -> Figure {
    let total = Arc::new(Mutex::new(0usize));
    let begin = Instant::now();
    let adders: Vec<_> = (0..4)
        .map(|_| {
            let total = total.clone();
            tokio::spawn(async move {
                for _ in 0..ADDITIONS / 4 {
                    *total.lock().await += 1;
                }
            })
        })
        .collect();
    for adder in adders {
        adder.await.unwrap();
    }
    assert_eq!(*total.lock().await, ADDITIONS);
    per_operation(begin.elapsed(), ADDITIONS)
}

type Node = Pin<Box<dyn Future<Output = ()> + Send>>;

fn skynet(parent: Sender<usize>, number: usize, leaves: usize) -> Node {
    Box::pin(async move {
        if leaves == 1 {
            parent.send(number).await.unwrap();
            return;
        }
        let (sender, mut sums) = channel(1);
        let part = leaves / 10;
        for i in 0..10 {
            tokio::spawn(skynet(sender.clone(), number + i * part, part));
        }
        drop(sender);
        let mut sum = 0;
        while let Some(part) = sums.recv().await {
            sum += part;
        }
        parent.send(sum).await.unwrap();
    })
}

pub async fn skynet_tree() -> Figure {
    let (sender, mut result) = channel(1);
    let begin = Instant::now();
    tokio::spawn(skynet(sender, 0, SKYNET_LEAVES));
    let sum = result.recv().await.unwrap();
    assert_eq!(sum, SKYNET_LEAVES * (SKYNET_LEAVES - 1) / 2);
    per_operation(begin.elapsed(), 1_000_000)
}

/// A line of /proc/self/status such as "VmRSS:", in bytes.
fn status_bytes(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        * 1024.0
}

pub async fn parked() -> Figure {
    static BEFORE: OnceLock<(f64, f64)> = OnceLock::new();
    let before = *BEFORE.get_or_init(|| (status_bytes("VmRSS:"), status_bytes("VmPTE:")));
    let gate = Arc::new(Semaphore::new(0)); // many wait: mpsc has one receiver
    let arrived = Arc::new(AtomicUsize::new(0));
    let group = WaitGroup::new(PARKED);
    for _ in 0..PARKED {
        let (gate, arrived, group) = (gate.clone(), arrived.clone(), group.clone());
        tokio::spawn(async move {
            arrived.fetch_add(1, Ordering::Relaxed);
            drop(gate.acquire().await.unwrap());
            group.done();
        });
    }
    while arrived.load(Ordering::Relaxed) < PARKED {
        tokio::task::yield_now().await;
    }
    let resident = (status_bytes("VmRSS:") - before.0) / PARKED as f64;
    let tables = (status_bytes("VmPTE:") - before.1) / PARKED as f64;
    gate.add_permits(PARKED);
    group.is_done.notified().await;
    let remark = format!(" (RSS {resident:.0}, page tables {tables:.0})");
    Figure {
        value: resident + tables,
        remark,
    }
}
