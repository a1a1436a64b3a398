//! Fuzzes which nodes are meant; the promises are in `plex_tests::fuzz::selector`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    plex_tests::fuzz::selector(data);
});
