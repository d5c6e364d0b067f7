// SPDX-License-Identifier: MIT

//! The workloads of rung_bench over may: `PROGRAM WORKLOAD --seconds S` prints
//! `workload value unit`, the best of the batches that fit into S seconds.
//!
//! may has no bounded channel: its unbounded mpsc stands for the unbuffered one, and `buffered` is
//! n/a. skynet and the sieve need more stacks at once than it can map. Every stack has a
//! guard page, which costs two mappings, so `parked1m` runs 30,000 and divides by that. With two
//! workers a read of `echo64` fails before its end in most runs, so that there is no `echo64-2p`.

mod net;

use may::sync::{mpsc, Mutex, Semphore, SyncFlag};
use may::{coroutine, go};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

const YIELDS: usize = 1_000_000;
const ROUND_TRIPS: usize = 200_000;
const SPAWN_WAVES: usize = 200;
const SPAWN_WAVE: usize = 1000;
const JOINS: usize = 100_000;
const ADDITIONS: usize = 4_000_000;
const RING_LENGTH: usize = 503;
const RING_HOPS: usize = RING_LENGTH * 400;
const NAPS: usize = 2000;
const PARKED: usize = 30_000;

struct Figure {
    value: f64,
    remark: String,
}

fn per_operation(took: Duration, count: usize) -> Figure {
    Figure {
        value: took.as_nanos() as f64 / count as f64,
        remark: String::new(),
    }
}

fn yield_now() -> Figure {
    let yield_often = || {
        for _ in 0..YIELDS / 2 {
            coroutine::yield_now();
        }
    };
    let begin = Instant::now();
    let (first, second) = (go!(yield_often), go!(yield_often));
    first.join().unwrap();
    second.join().unwrap();
    per_operation(begin.elapsed(), YIELDS)
}

fn pingpong() -> Figure {
    let (there, there_end) = mpsc::channel();
    let (back, back_end) = mpsc::channel();
    go!(move || {
        for item in there_end.iter() {
            back.send(item).unwrap();
        }
    });
    let begin = Instant::now();
    for i in 0..ROUND_TRIPS {
        there.send(i).unwrap();
        back_end.recv().unwrap();
    }
    per_operation(begin.elapsed(), ROUND_TRIPS)
}

/// A wait group: the last to report wakes the waiter.
struct WaitGroup {
    left: AtomicUsize,
    is_done: SyncFlag,
}

impl WaitGroup {
    fn new(count: usize) -> Arc<Self> {
        Arc::new(WaitGroup {
            left: AtomicUsize::new(count),
            is_done: SyncFlag::new(),
        })
    }

    fn done(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.is_done.fire();
        }
    }
}

fn spawn() -> Figure {
    let begin = Instant::now();
    for _ in 0..SPAWN_WAVES {
        let group = WaitGroup::new(SPAWN_WAVE);
        for _ in 0..SPAWN_WAVE {
            let group = group.clone();
            go!(move || group.done());
        }
        group.is_done.wait();
    }
    per_operation(begin.elapsed(), SPAWN_WAVES * SPAWN_WAVE)
}

fn spawnjoin() -> Figure {
    let (sender, receiver) = mpsc::channel();
    let begin = Instant::now();
    for i in 0..JOINS {
        let sender = sender.clone();
        go!(move || sender.send(i).unwrap());
        receiver.recv().unwrap();
    }
    per_operation(begin.elapsed(), JOINS)
}

fn mutex4() -> Figure {
    let total = Arc::new(Mutex::new(0usize));
    let begin = Instant::now();
    let adders: Vec<_> = (0..4)
        .map(|_| {
            let total = total.clone();
            go!(move || {
                for _ in 0..ADDITIONS / 4 {
                    *total.lock().unwrap() += 1;
                }
            })
        })
        .collect();
    for adder in adders {
        adder.join().unwrap();
    }
    assert_eq!(*total.lock().unwrap(), ADDITIONS);
    per_operation(begin.elapsed(), ADDITIONS)
}

fn ring() -> Figure {
    let (done, done_end) = mpsc::channel();
    let (first, mut source) = mpsc::channel();
    for i in 0..RING_LENGTH {
        let (mut target, next) = mpsc::channel();
        if i == RING_LENGTH - 1 {
            target = first.clone();
        }
        let (here, done) = (source, done.clone());
        source = next;
        go!(move || {
            for token in here.iter() {
                match token {
                    1 => done.send(()).unwrap(),
                    // The end goes round too. Who began it has left already.
                    0 => {
                        let _ = target.send(0);
                        return;
                    }
                    _ => target.send(token - 1).unwrap(),
                }
            }
        });
    }
    let begin = Instant::now();
    first.send(RING_HOPS).unwrap();
    done_end.recv().unwrap();
    let took = begin.elapsed();
    first.send(0).unwrap();
    per_operation(took, RING_HOPS)
}

fn naps() -> Figure {
    let mut late: Vec<f64> = (0..NAPS)
        .map(|_| {
            let begin = Instant::now();
            coroutine::sleep(Duration::from_micros(100));
            begin.elapsed().as_nanos() as f64 - 100_000.0
        })
        .collect();
    late.sort_by(f64::total_cmp);
    Figure {
        value: late[NAPS * 99 / 100] / 1e3,
        remark: String::new(),
    }
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

fn parked() -> Figure {
    let before = (status_bytes("VmRSS:"), status_bytes("VmPTE:"));
    let gate = Arc::new(Semphore::new(0)); // many wait: mpsc has one receiver
    let arrived = Arc::new(AtomicUsize::new(0));
    let group = WaitGroup::new(PARKED);
    for _ in 0..PARKED {
        let (gate, arrived, group) = (gate.clone(), arrived.clone(), group.clone());
        go!(move || {
            arrived.fetch_add(1, Ordering::Relaxed);
            gate.wait();
            group.done();
        });
    }
    while arrived.load(Ordering::Relaxed) < PARKED {
        coroutine::sleep(Duration::from_millis(1)); // who yields to nobody but himself starves them
    }
    let resident = (status_bytes("VmRSS:") - before.0) / PARKED as f64;
    let tables = (status_bytes("VmPTE:") - before.1) / PARKED as f64;
    for _ in 0..PARKED {
        gate.post();
    }
    group.is_done.wait();
    let remark = format!(" (of 30,000: RSS {resident:.0}, page tables {tables:.0})");
    Figure {
        value: resident + tables,
        remark,
    }
}

fn batches(name: &str, seconds: f64, unit: &str, batch: fn() -> Figure) {
    let processors = if name.ends_with("-2p") { 2 } else { 1 };
    may::config().set_workers(processors);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut best = go!(batch).join().unwrap();
    while Instant::now() < end && unit != "B" {
        let figure = go!(batch).join().unwrap();
        if figure.value < best.value {
            best = figure;
        }
    }
    println!("{} {:.2} {}{}", name, best.value, unit, best.remark);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() == 3 && arguments[1] == "echo-server" {
        may::config().set_workers(1);
        return net::serve(&arguments[2]);
    }
    let seconds = match arguments.len() {
        2 => 1.0,
        4 if arguments[2] == "--seconds" => arguments[3].parse().unwrap(),
        _ => {
            eprintln!("usage: {} WORKLOAD [--seconds S]", arguments[0]);
            std::process::exit(2);
        }
    };
    let name = arguments[1].as_str();
    match name.trim_end_matches("-1p").trim_end_matches("-2p") {
        "yield" => batches(name, seconds, "ns", yield_now),
        "pingpong" => batches(name, seconds, "ns", pingpong),
        "spawn" => batches(name, seconds, "ns", spawn),
        "spawnjoin" => batches(name, seconds, "ns", spawnjoin),
        "mutex4" => batches(name, seconds, "ns", mutex4),
        "ring503" => batches(name, seconds, "ns", ring),
        "sleep100us-p99-late" => batches(name, seconds, "us", naps),
        "echo64" if name.ends_with("-1p") => batches(name, seconds, "ns", net::echo),
        "parked1m" => batches(name, seconds, "B", parked),
        _ => println!("{name} n/a"),
    }
}
