//! The fuzz targets on mutations of their corpora: the same ones in every run, so that a failure can be had again.
//!
//! A failure prints its input; put it into `corpus/<target>/`, whose every file is also tried as it is.

mod mutator;

use mutator::Mutator;
use plex_tests::fuzz::{TARGETS, Target};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const SEED: u64 = 0x706c_6578;
const MUTATIONS: usize = 200_000;

#[test]
fn callback() {
    run(TARGETS[0]);
}

#[test]
fn dispatch() {
    run(TARGETS[1]);
}

#[test]
fn selector() {
    run(TARGETS[2]);
}

#[test]
fn cursor() {
    run(TARGETS[3]);
}

#[test]
fn tuple() {
    run(TARGETS[4]);
}

#[test]
fn caveat() {
    run(TARGETS[5]);
}

#[test]
fn token() {
    run(TARGETS[6]);
}

#[test]
fn every_corpus_has_its_target() {
    let names = fs::read_dir(corpora())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        TARGETS.map(|(name, _)| name.to_owned()).into()
    );
}

fn corpora() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
}

fn run((name, target): Target) {
    let corpus = corpus(name);
    assert!(corpus.len() >= 5, "{name} has hardly anything to start from");
    for seed in &corpus {
        attempt(name, target, seed);
    }
    let mut mutator = Mutator::new(SEED, corpus);
    let good = (0..MUTATIONS)
        .filter(|_| attempt(name, target, &mutator.next()))
        .count();
    let share = good * 100 / MUTATIONS;
    assert!(
        (3..=97).contains(&share),
        "{share} % are well-formed: such inputs find little"
    );
}

/// The files of a corpus, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(corpora().join(name)).expect("every target has a corpus");
    let mut files: Vec<_> = files
        .map(|entry| entry.expect("a directory can be read").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("a corpus holds files"))
        .collect()
}

fn attempt(name: &str, target: fn(&[u8]) -> bool, data: &[u8]) -> bool {
    // Nothing is shared with the target, so nothing can be left half done.
    let done = catch_unwind(AssertUnwindSafe(|| target(data)));
    done.unwrap_or_else(|_| panic!("{name} fails on \"{}\" (seed {SEED:#x})", data.escape_ascii()))
}
