// SPDX-License-Identifier: MIT

//! Workloads of timers.

use crate::{per_operation, Figure};
use std::future::Future;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

const RESETS: usize = 1_000_000;
const DEADLINES: usize = 200_000;
const NAPS: usize = 2000;
const HOUR: Duration = Duration::from_secs(3600);

pub async fn timer_reset() -> Figure {
    let mut timer = Box::pin(sleep(HOUR));
    // The first poll puts it into the wheel.
    std::future::poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_pending())).await;
    let begin = Instant::now();
    for _ in 0..RESETS {
        timer.as_mut().reset(tokio::time::Instant::now() + HOUR);
    }
    per_operation(begin.elapsed(), RESETS)
}

/// timeout() is lazy: its timer enters the wheel only if what it bounds is not ready at once. Here it
/// is pending once, so that the timer is there, as an open scope's or context's is.
pub async fn deadline() -> Figure {
    let begin = Instant::now();
    for _ in 0..DEADLINES {
        let mut bounded = Box::pin(timeout(HOUR, std::future::pending::<()>()));
        std::future::poll_fn(|context| Poll::Ready(bounded.as_mut().poll(context).is_pending()))
            .await;
    }
    per_operation(begin.elapsed(), DEADLINES)
}

pub async fn naps() -> Figure {
    let mut late = Vec::with_capacity(NAPS);
    for _ in 0..NAPS {
        let begin = Instant::now();
        sleep(Duration::from_micros(100)).await;
        late.push((begin.elapsed() - Duration::from_micros(100)).as_nanos() as f64);
    }
    late.sort_by(f64::total_cmp);
    Figure {
        value: late[NAPS * 99 / 100] / 1e3,
        remark: String::new(),
    }
}
