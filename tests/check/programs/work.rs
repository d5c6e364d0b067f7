// SPDX-License-Identifier: MIT
// Rust: collections, closures, trait objects, a panic that is caught. Prints a checksum.
use std::collections::BTreeMap;
use std::collections::HashMap;

trait Shape {
    fn area(&self, x: u64) -> u64;
}
struct Square(u64);
struct Named(String);
impl Shape for Square {
    fn area(&self, x: u64) -> u64 {
        self.0 * self.0 + x
    }
}
impl Shape for Named {
    fn area(&self, x: u64) -> u64 {
        self.0.len() as u64 * x
    }
}

fn risky(x: u64) -> Result<u64, String> {
    if x % 4 == 0 {
        Err(format!("{} divides", x))
    } else {
        Ok(x * 3)
    }
}

fn main() {
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Square(3)), Box::new(Named("name".to_string()))];
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let mut words: HashMap<String, usize> = HashMap::new();
    let mut sum = 0u64;
    for i in 0..60u64 {
        sum = sum.wrapping_mul(31).wrapping_add(shapes[(i % 2) as usize].area(i));
        *counts.entry(i * 7 % 13).or_insert(0) += i;
        *words.entry(format!("w{}", i % 9)).or_insert(0) += 1;
        sum += match risky(i) {
            Ok(value) => value,
            Err(text) => text.len() as u64,
        };
    }
    let mut items: Vec<u64> = counts.values().cloned().collect();
    items.sort_by(|a, b| (a % 11).cmp(&(b % 11)));
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| {
        if items.len() > 3 {
            panic!("too many");
        }
    });
    println!("{} {} {}", sum, words.len(), caught.is_err());
}
