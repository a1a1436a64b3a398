//! Repeatable randomness: the same seed makes the same data (SplitMix64). Nothing secret comes from it.

use uuid::Uuid;

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of that seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// The next 32 bytes.
    pub(super) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for part in bytes.chunks_exact_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }

    /// A UUIDv7 of that time, in milliseconds since 1970.
    pub(super) fn id(&mut self, milliseconds: u64) -> Uuid {
        let bytes = self.bytes();
        let tail = *bytes.first_chunk().expect("32 bytes have ten");
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &tail).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_ids_are_ordered_by_time() {
        assert_eq!(Random::new(7).bytes(), Random::new(7).bytes());
        assert_ne!(Random::new(7).bytes(), Random::new(8).bytes());
        let mut random = Random::new(1);
        let ids: Vec<_> = (1_700_000_000_000..1_700_000_000_100)
            .map(|time| random.id(time))
            .collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.get_version_num() == 7));
    }
}
