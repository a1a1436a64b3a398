//! Changes inputs in the ways in which texts go wrong: bits, bytes, runs, words, and halves of two.

use plex_tests::Dice;

/// Words that parsers are touchy about.
const WORDS: &[&[u8]] = &[
    b"\\u0000",
    b"\\ud800",
    b"\\\"",
    b"\xff",
    b"\0",
    b"null",
    b"true",
    b"1e400",
    b"-0",
    b"18446744073709551616",
    b"{}",
    b"[]",
    b"{\"",
    b"\":",
    b"[[[[[[[[",
    b"\xe2\x80\xa8",
    b" in (",
    b"!=",
    b",",
    b"!",
    b"(",
    b")",
    b"started",
    b"timeout",
    b"16385",
    b"==",
    b"A",
    b"#member",
    b"group:",
    b"operator",
    b"_",
    b"\"192.0.2.0/24\"",
    b"2026-11-03T00:00:00Z",
];
/// Inputs do not grow beyond this, so that every run takes about as long.
const MOST_BYTES: usize = 8 * 1024;

/// An endless sequence of inputs, the same for the same seed and corpus.
pub(super) struct Mutator {
    dice: Dice,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    pub(super) fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        Self {
            dice: Dice::new(seed),
            corpus,
        }
    }

    /// The next input.
    pub(super) fn next(&mut self) -> Vec<u8> {
        let at = self.dice.index(self.corpus.len());
        let mut data = self.corpus[at].clone();
        for _ in 0..=self.dice.index(4) {
            self.mutate(&mut data);
        }
        data.truncate(MOST_BYTES);
        data
    }

    fn mutate(&mut self, data: &mut Vec<u8>) {
        let at = self.dice.index(data.len() + 1);
        let end = (at + self.dice.index(9)).min(data.len());
        match self.dice.index(8) {
            0 if at < data.len() => data[at] ^= 1 << self.dice.index(8),
            1 if at < data.len() => data[at] = self.byte(),
            2 => data.insert(at, self.byte()),
            3 => drop(data.drain(at..end)),
            4 => {
                let run = data[at..end].repeat(1 + self.dice.index(8));
                data.splice(at..at, run);
            }
            5 => {
                let other = self.dice.index(self.corpus.len());
                let from = self.dice.index(self.corpus[other].len() + 1);
                data.truncate(at);
                data.extend_from_slice(&self.corpus[other][from..]);
            }
            6 => data.truncate(at),
            _ => {
                let word = WORDS[self.dice.index(WORDS.len())];
                data.splice(at..end, word.iter().copied());
            }
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.dice.below(256)).expect("below 256")
    }
}

#[test]
fn the_same_seed_gives_the_same_inputs_and_they_differ_from_each_other() {
    let sequence = || {
        let mut mutator = Mutator::new(1, vec![b"key in (a, b)".to_vec(), b"!key".to_vec()]);
        (0..100).map(|_| mutator.next()).collect::<Vec<_>>()
    };
    let inputs = sequence();
    assert_eq!(inputs, sequence());
    let different: std::collections::BTreeSet<_> = inputs.iter().collect();
    assert!(different.len() > 80);
}
