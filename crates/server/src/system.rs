//! The system's time and randomness, as everything else here takes them: by parameter.

use jiff::Timestamp;
use plex_domain::env::{Clock, Rng};
use ring::rand::SecureRandom as _;

/// The wall clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The kernel's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        ring::rand::SystemRandom::new()
            .fill(bytes)
            .expect("getrandom(2) does not fail once the kernel has booted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness_is_not_repeated() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemRng.fill(&mut a);
        SystemRng.fill(&mut b);
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }
}
