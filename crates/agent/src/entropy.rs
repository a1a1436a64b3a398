//! The machine's clock and randomness, as the domain's rules take them.

use plex_domain::env::{Clock, Rng};
use ring::rand::SecureRandom as _;

/// The machine's own time and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

impl Rng for System {
    fn fill(&self, bytes: &mut [u8]) {
        ring::rand::SystemRandom::new()
            .fill(bytes)
            .expect("the kernel gives randomness");
    }
}

/// A number evenly spread over `0.0..1.0`.
pub fn fraction(rng: &dyn Rng) -> f64 {
    let mut bytes = [0; 4];
    rng.fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}
