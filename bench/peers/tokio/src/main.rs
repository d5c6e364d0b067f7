// SPDX-License-Identifier: MIT

//! The workloads of rung_bench over tokio: `PROGRAM WORKLOAD --seconds S` prints
//! `workload value unit`, the best of the batches that fit into S seconds.
//!
//! -1p is the current-thread runtime, -2p the multi-thread one with two workers; every batch runs as
//! a spawned task. tokio has no rendezvous: mpsc::channel(1) stands for the unbuffered channel.

mod channels;
mod clocks;
mod net;
mod tasks;

use std::future::Future;
use std::time::{Duration, Instant};

/// What a batch gives back: the cost of one operation, and what it is made of.
pub struct Figure {
    pub value: f64,
    pub remark: String,
}

pub fn per_operation(took: Duration, count: usize) -> Figure {
    Figure {
        value: took.as_nanos() as f64 / count as f64,
        remark: String::new(),
    }
}

fn runtime(processors: usize) -> tokio::runtime::Runtime {
    let mut builder = match processors {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if processors > 1 {
        builder.worker_threads(processors);
    }
    builder.enable_all().build().unwrap()
}

struct Run {
    name: String,
    seconds: f64,
    processors: usize,
}

impl Run {
    fn batches<B, F>(&self, unit: &str, batch: B)
    where
        B: Fn() -> F,
        F: Future<Output = Figure> + Send + 'static,
    {
        let runtime = runtime(self.processors);
        let one = || runtime.block_on(async { tokio::spawn(batch()).await.unwrap() });
        let end = Instant::now() + Duration::from_secs_f64(self.seconds);
        let mut best = one();
        while Instant::now() < end {
            let figure = one();
            if figure.value < best.value {
                best = figure;
            }
        }
        println!("{} {:.2} {}{}", self.name, best.value, unit, best.remark);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() == 3 && arguments[1] == "echo-server" {
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
    let name = arguments[1].clone();
    let base = name
        .trim_end_matches("-1p")
        .trim_end_matches("-2p")
        .to_string();
    let processors = if name.ends_with("-2p") { 2 } else { 1 };
    let run = Run {
        name,
        seconds,
        processors,
    };
    match base.as_str() {
        "yield" => run.batches("ns", tasks::yield_now),
        "pingpong" => run.batches("ns", channels::pingpong),
        "buffered" => run.batches("ns", channels::buffered),
        "spawn" => run.batches("ns", tasks::spawn),
        "spawnjoin" => run.batches("ns", tasks::spawnjoin),
        "select3" => run.batches("ns", channels::select3),
        "mutex4" => run.batches("ns", tasks::mutex4),
        "skynet" => run.batches("ms", tasks::skynet_tree),
        "sieve2000" => run.batches("ms", channels::sieve),
        "ring503" => run.batches("ns", channels::ring),
        "echo64" => run.batches("ns", net::echo),
        "timer-reset" => run.batches("ns", clocks::timer_reset),
        "deadline" => run.batches("ns", clocks::deadline),
        "sleep100us-p99-late" => run.batches("us", clocks::naps),
        "parked1m" => run.batches("B", tasks::parked),
        _ => println!("{} n/a", run.name),
    }
}
